"""Which engines look at files here, how they prove themselves, and who asks them."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from uploads import clock
from uploads.config import Settings
from uploads.documents.canaries import SCANNER
from uploads.documents.model import EngineReport, Outcome
from uploads.documents.readers.limits import Limits
from uploads.judging import needs
from uploads.wiring import Services
from workers.counted import CountedEngine
from workers.inspection.canaries import Canaries, eicar
from workers.inspection.clamd import Clamd
from workers.inspection.engine import Engine
from workers.inspection.examining import Examiner, TimeFor
from workers.inspection.members import WithMembers
from workers.inspection.reach import Probe, WithinReach
from workers.inspection.standing import Standing
from workers.inspection.structure import Structure
from workers.inspection.yara import Yara
from workers.sandbox.parent import Cell
from workers.scratch import Scratch

_NOT_CONFIGURED = EngineReport(SCANNER, "", Outcome.NOT_CONFIGURED)


@dataclass(frozen=True, slots=True)
class Lineup:
    """Who examines files, and who says whether that is to be believed."""

    examiner: Examiner
    standing: Standing
    canaries: Canaries
    prepare: Callable[[], None]
    """Has the cell load what files will need, while this process goes on."""


def make_lineup(services: Services, scratch: Scratch, cell: Cell) -> Lineup:
    """Put the engines together. Raises RulesBroken when a YARA rule does not compile."""
    settings = services.settings
    clamd = services.clamd_address and Clamd(services.clamd_address, settings.clamd_seconds)
    absent = [] if clamd else [_NOT_CONFIGURED]
    standing = _standing(services, absent)
    limits = Limits.of(settings.model_dump())
    yara = _rules(settings, cell)
    engines: list[Engine] = [Structure(cell, limits, standing.unpacks), yara]
    canaries = Canaries(
        records=services.records,
        engines=[*engines, clamd] if clamd else engines,
        standing=standing,
        probe=Probe(clamd, eicar()) if clamd else None,
        scratch_files=scratch,
        hints=services.hints,
        clock=clock.now,
        new_id=clock.new_id,
        every=timedelta(seconds=settings.canary_seconds),
    )
    seconds = settings.clamd_seconds
    scanners = [_scanner(clamd, standing, cell, limits, seconds)] if clamd else []
    # A laptop may do without a virus scanner, and says so; production may not.
    scanner_required = settings.env == "production" or services.scanner_configured
    examiner = Examiner(
        storage=services.storage,
        scratch_files=scratch,
        engines=[CountedEngine(engine) for engine in (*engines, *scanners)],
        absent=absent,
        required=["structure", "yara", *([SCANNER] if scanner_required else [])],
        clock=clock.now,
        transfer_seconds=settings.transfer_seconds,
        time_for=TimeFor(settings.cell_seconds, settings.clamd_seconds + 2 * settings.cell_seconds),
    )

    def prepare() -> None:
        cell.prepare(_loaded(yara))

    return Lineup(examiner, standing, canaries, prepare)


def everything(settings: Settings, cell: Cell) -> dict[str, dict[str, Any]]:
    """All that files will find loaded in the cell, task by task. Raises RulesBroken."""
    return {**_loaded(_rules(settings, cell)), "media": {}}


def _rules(settings: Settings, cell: Cell) -> Yara:
    return Yara(cell, Limits.of(settings.model_dump()), more_rules=settings.yara_rules)


def _loaded(yara: Yara) -> dict[str, dict[str, Any]]:
    return {"structure": {}, "yara": yara.loaded_with(), "members": {}, "render": {}}


def _standing(services: Services, absent: Sequence[EngineReport]) -> Standing:
    """Who says whether the engines are to be believed, on this host."""
    settings, scanned = services.settings, services.scanner_configured
    return Standing(
        records=services.records,
        engines=["structure", "yara", *([SCANNER] if scanned else [])],
        absent=absent,
        place=socket.gethostname(),
        clock=clock.now,
        # It is tried before each inspection where it is older than the first; one takes the second.
        bound=timedelta(seconds=settings.canary_seconds + settings.job_seconds),
        needs=needs(settings, services.policy),
    )


def _scanner(
    clamd: Clamd, standing: Standing, cell: Cell, limits: Limits, seconds: float
) -> Engine:
    """ClamAV as far as it reads, shown each member of an archive as well."""
    return WithMembers(WithinReach(clamd, standing.reach), cell, limits, seconds)
