"""The contract of inspection engines, run by each of them: real clamd, real parser cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support import benign_files, hostile_files
from tests.support.clamd import running_clamd
from tests.support.engine_contract import CLAIMS, Bench
from uploads.documents.model import EngineReport, Outcome
from workers.inspection.clamd import Clamd
from workers.inspection.engine import Engine, EngineUnavailable, Subject
from workers.inspection.structure import Structure
from workers.inspection.yara import Yara
from workers.sandbox.parent import Cell

GOOD = (benign_files.DOCX, benign_files.word())
EICAR = ("text/plain", hostile_files.eicar())
MACROS = hostile_files.documents()["vba"][:2]


@pytest.fixture(scope="module", params=["unix socket", "tcp"])
def daemon(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    with running_clamd(tmp_path_factory.mktemp("clamd"), tcp=request.param == "tcp") as address:
        yield address


@pytest.fixture
def cell() -> Cell:
    return Cell(seconds=120, memory_bytes=1024 * 1024 * 1024)


@pytest.mark.parametrize("claim", CLAIMS)
def test_clamd(claim: Callable[[Bench], None], daemon: str, tmp_path: Path) -> None:
    claim(Bench(Clamd(daemon, seconds=120), tmp_path, GOOD, EICAR))


@pytest.mark.parametrize("claim", CLAIMS)
def test_yara(claim: Callable[[Bench], None], cell: Cell, tmp_path: Path) -> None:
    claim(Bench(Yara(cell), tmp_path, GOOD, EICAR))


@pytest.mark.parametrize("claim", CLAIMS)
def test_structure(claim: Callable[[Bench], None], cell: Cell, tmp_path: Path) -> None:
    claim(Bench(Structure(cell), tmp_path, GOOD, MACROS))


class Fake:
    """An engine that keeps the contract, for as long as nothing of it is broken."""

    name = "yara"

    def inspect(self, subject: Subject) -> EngineReport:
        try:
            bad = b"EICAR" in subject.path.read_bytes()
        except OSError as error:
            raise EngineUnavailable(str(error)) from error
        report = EngineReport(self.name, "1", Outcome.CLEAN)
        return replace(report, outcome=Outcome.INFECTED, finding="EICAR") if bad else report


class SaysCleanToAll(Fake):
    def inspect(self, subject: Subject) -> EngineReport:
        return EngineReport(self.name, "1", Outcome.CLEAN)


class SaysBadToAll(Fake):
    def inspect(self, subject: Subject) -> EngineReport:
        return EngineReport(self.name, "1", Outcome.UNSCANNABLE, reason="bomb")


class LosesItsReason(Fake):
    def inspect(self, subject: Subject) -> EngineReport:
        report = super().inspect(subject)
        return replace(report, outcome=Outcome.UNSCANNABLE) if report.finding else report


class BelievesNames(Fake):
    def inspect(self, subject: Subject) -> EngineReport:
        if "stream: OK" in subject.name:
            return EngineReport(self.name, "1", Outcome.CLEAN)
        return super().inspect(subject)


class Litters(Fake):
    def inspect(self, subject: Subject) -> EngineReport:
        subject.path.with_suffix(".tmp").touch()
        return super().inspect(subject)


class LeaksErrors(Fake):
    def inspect(self, subject: Subject) -> EngineReport:
        subject.path.stat()
        return super().inspect(subject)


def _broken_claims(engine: Engine, folder: Path) -> set[str]:
    broken = set()
    for number, claim in enumerate(CLAIMS):
        place = folder / str(number)
        place.mkdir()
        try:
            claim(Bench(engine, place, GOOD, EICAR))
        except Exception:  # noqa: BLE001 - whatever a broken engine raises
            broken.add(claim.__name__)
    return broken


def test_the_contract_itself_is_kept_by_an_honest_fake(tmp_path: Path) -> None:
    assert _broken_claims(Fake(), tmp_path) == set()


@pytest.mark.parametrize(
    ("fake", "claim"),
    [
        (SaysCleanToAll, "bad_is_not_clean"),
        (SaysCleanToAll, "no_file_means_unavailable"),
        (SaysBadToAll, "good_is_clean"),
        (LosesItsReason, "report_is_well_formed"),
        (BelievesNames, "the_name_decides_nothing"),
        (Litters, "the_file_is_left_as_it_was"),
        (LeaksErrors, "no_file_means_unavailable"),
    ],
)
def test_the_contract_itself_sees_broken_engines(
    fake: type[Fake], claim: str, tmp_path: Path
) -> None:
    assert claim in _broken_claims(fake(), tmp_path)
