"""Who looks at files: the cell they are opened in, our own engines, and the virus scanner."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from uploads import clock, judging, scanner
from uploads.config import Settings
from uploads.documents.canaries import SCANNER, Canary, Needs
from uploads.documents.readers.limits import Limits
from workers.doctor.checkup import Look
from workers.doctor.findings import Finding, State
from workers.inspection.canaries import eicar, hear
from workers.inspection.clamd import Clamd
from workers.inspection.engine import Engine
from workers.inspection.reach import Probe
from workers.inspection.rulebook import RulesBroken
from workers.inspection.structure import Structure
from workers.inspection.yara import Yara
from workers.runtime import make_cell
from workers.sandbox.parent import Cell, CellOpen
from workers.scratch import Scratch

CELL, ENGINES, CLAMD = "parser cell", "engines", "virus scanner"
_CELL_SECONDS = 180.0
_WAITS = "nothing is published, inspections wait until it is well"


def looks(settings: Settings) -> list[Look]:
    """The costly ones come last."""
    own: dict[str, Callable[[Cell, Limits], Engine]] = {
        "structure": lambda cell, limits: Structure(cell, limits, lambda: None),
        "yara": lambda cell, limits: Yara(cell, limits, more_rules=settings.yara_rules),
    }
    return [
        Look(CELL, "self-test", partial(_self_test, settings), _CELL_SECONDS),
        *(
            Look(ENGINES, name, partial(_own, settings, name, make), _CELL_SECONDS)
            for name, make in own.items()
        ),
        *_scanner(settings),
    ]


def _scanner(settings: Settings) -> list[Look]:
    address = scanner.find(settings.clamd)
    if address is None:
        return [Look(CLAMD, "reach", partial(_no_scanner, settings), 1.0)]
    clamd = Clamd(address, settings.clamd_seconds)
    wanted = judging.needs(settings, judging.policy(settings, scanned=True))
    tries = {
        "reach": partial(_version, clamd),
        "canary": partial(_sings, CLAMD, "canary", clamd),
        "signatures": partial(_signatures, clamd, wanted),
        "limits": partial(_limits, clamd, wanted),
    }
    # The limits are tried with several files, each of which may take that long.
    seconds = 4.0 * settings.clamd_seconds
    return [Look(CLAMD, name, do, seconds) for name, do in tries.items()]


def _self_test(settings: Settings) -> Finding:
    if settings.cell != "confined":
        follows = "files of strangers are opened without locks; every page says so"
        return Finding(CELL, "self-test", State.DEGRADED, "UPLOADS_CELL=unconfined", follows)
    cell = make_cell(settings)
    try:
        cell.self_test()
    except CellOpen as error:
        follows = "a worker does not start here"
        return Finding(CELL, "self-test", State.BROKEN, str(error), follows)
    finally:
        cell.close()
    return Finding(CELL, "self-test", State.OK, "every way out is closed")


def _own(settings: Settings, name: str, make: Callable[[Cell, Limits], Engine]) -> Finding:
    cell = make_cell(settings)
    try:
        return _sings(ENGINES, name, make(cell, Limits.of(settings.model_dump())))
    except RulesBroken as error:
        follows = "nothing is inspected, and a worker does not start"
        return Finding(ENGINES, name, State.BROKEN, str(error), follows)
    finally:
        cell.close()


def _sings(part: str, name: str, engine: Engine) -> Finding:
    """A file that the engine must find, and one that it must pass. Raises what `hear` raises."""
    with tempfile.TemporaryDirectory(prefix="uploads-doctor-") as folder:
        song = hear(engine, Scratch(Path(folder)), "canary", clock.now())
    if song.fault:
        return Finding(part, name, State.BROKEN, song.fault, _WAITS)
    return Finding(part, name, State.OK, "finds what it must, and passes what is harmless")


def _no_scanner(settings: Settings) -> Finding:
    state = State.BROKEN if settings.env == "production" else State.DEGRADED
    follows = "every page and verdict says so; production publishes nothing without one"
    return Finding(CLAMD, "reach", state, "not configured, and none at a usual place", follows)


def _version(clamd: Clamd) -> Finding:
    version, signatures = clamd.version()
    found = f"ClamAV {version}, signatures {signatures or 'without a number'}"
    return Finding(CLAMD, "reach", State.OK, found)


def _signatures(clamd: Clamd, wanted: Needs) -> Finding:
    now, (version, signatures) = clock.now(), clamd.version()
    reason = wanted.old_signatures(Canary(SCANNER, "", now, True, version, signatures), now)
    if reason is None:
        return Finding(CLAMD, "signatures", State.OK, f"{signatures}")
    follows = _WAITS if wanted.hold else "/readyz says so: let freshclam run"
    state = State.BROKEN if wanted.hold else State.DEGRADED
    return Finding(CLAMD, "signatures", state, f"ClamAV {reason}", follows)


def _limits(clamd: Clamd, wanted: Needs) -> Finding:
    """Whether it reads the largest file that is accepted to its end, and unpacks as much."""
    probe, now = Probe(clamd, eicar()), clock.now()
    with tempfile.TemporaryDirectory(prefix="uploads-doctor-") as folder:
        path = Path(folder) / "probe"
        reach = probe.reach(path, wanted.reach)
        unpacks = probe.unpacks(path, wanted.unpacks, wanted.archive)
    canary = Canary(SCANNER, "", now, True, reach=reach, unpacks=unpacks)
    reason = wanted.short_reach(canary)
    if reason is None:
        found = f"reads {reach:,} bytes, unpacks {unpacks:,}"
        if unpacks < wanted.archive:
            found += "; what unpacks to more is `too-large`, for AlertExceedsMax is off"
        return Finding(CLAMD, "limits", State.OK, found)
    result = _WAITS if wanted.strict else "larger files are `unscannable`"
    follows = f"{result}: use infra/clamav/clamd.conf, or lower the limits"
    state = State.BROKEN if wanted.strict else State.DEGRADED
    return Finding(CLAMD, "limits", state, f"ClamAV {reason}", follows)
