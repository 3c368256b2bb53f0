"""How far ClamAV reads is found out: it tells no limits, and calls OK what is behind them."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.clamd import own, running_clamd, shipped
from uploads.config_forms import MIB
from uploads.documents.model import EngineReport, Outcome
from workers.inspection.canaries import eicar
from workers.inspection.clamd import Clamd
from workers.inspection.engine import EngineUnavailable, Subject
from workers.inspection.reach import Probe, WithinReach, write_packed, write_stored


def debian(folder: Path, listen: str) -> str:
    """The limits that Debian ships, and no alert for what exceeds them."""
    text = own("25M")(folder, listen).replace("MaxScanSize 1000M", "MaxScanSize 100M")
    return text.replace("AlertExceedsMax yes", "AlertExceedsMax no")


def that_tells(folder: Path, listen: str) -> str:
    """Hardly larger limits, and each of them is said."""
    text = own("25M")(folder, listen).replace("MaxScanSize 1000M", "MaxScanSize 60M")
    return text + "MaxFiles 40\n"


@pytest.fixture(scope="module")
def telling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clamd]:
    folder = tmp_path_factory.mktemp("telling")
    with running_clamd(folder, configuration=that_tells) as address:
        yield Clamd(address, seconds=120)


@pytest.fixture(scope="module", params=["unix socket", "tcp"])
def narrow(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Clamd]:
    folder = tmp_path_factory.mktemp("narrow")
    with running_clamd(folder, tcp=request.param == "tcp", configuration=debian) as address:
        yield Clamd(address, seconds=120)


def test_the_whole_of_what_is_accepted_is_found_at_once(clamd: str, tmp_path: Path) -> None:
    class Counting(Clamd):
        asked = 0

        def inspect(self, subject: Subject) -> EngineReport:
            self.asked += 1
            return super().inspect(subject)

    engine = Counting(clamd, seconds=120)
    assert Probe(engine, eicar()).reach(tmp_path / "probe", 100 * MIB) == 100 * MIB
    assert engine.asked == 1
    assert Probe(engine, eicar()).unpacks(tmp_path / "probe", 64 * MIB) == 64 * MIB
    assert list(tmp_path.iterdir()) == []


def test_a_scanner_that_stops_earlier_is_found_out(narrow: Clamd, tmp_path: Path) -> None:
    reach = Probe(narrow, eicar()).reach(tmp_path / "probe", 100 * MIB)
    assert 24 * MIB <= reach <= 25 * MIB


def test_one_that_unpacks_less_is_found_out(narrow: Clamd, tmp_path: Path) -> None:
    """It looks into none larger than 25 MiB, however little they are when packed."""
    assert Probe(narrow, eicar()).unpacks(tmp_path / "probe", 64 * MIB) == 16 * MIB


@pytest.mark.parametrize("configuration", [shipped, that_tells])
def test_one_that_says_where_it_stops_is_believed_about_more(
    configuration: Callable[[Path, str], str], tmp_path: Path
) -> None:
    """By two files of a few kilobytes: what is at the end of a gigabyte is not tried."""
    with running_clamd(tmp_path / "clamd", configuration=configuration) as address:
        probe = Probe(Clamd(address, seconds=120), eicar())
        assert probe.tells(tmp_path / "probe")
        assert probe.unpacks(tmp_path / "probe", 16 * MIB, 1024 * MIB) == 1024 * MIB
        assert probe.unpacks(tmp_path / "probe", 16 * MIB, 16 * MIB) == 16 * MIB


def test_one_that_does_not_is_believed_about_what_it_found(narrow: Clamd, tmp_path: Path) -> None:
    probe = Probe(narrow, eicar())
    assert not probe.tells(tmp_path / "probe")
    assert probe.unpacks(tmp_path / "probe", 16 * MIB, 1024 * MIB) == 16 * MIB
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("answers", [("too-deep", None), (None, "too-large")])
def test_each_of_both_has_to_be_said(
    answers: tuple[str | None, str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = iter(answers)
    monkeypatch.setattr(
        Clamd,
        "inspect",
        lambda *_: EngineReport("clamav", "1", Outcome.UNSCANNABLE, reason=next(said)),
    )
    assert not Probe(Clamd("/nowhere", 1), eicar()).tells(tmp_path / "probe")


@pytest.mark.parametrize(
    ("members", "size", "finding"),
    [(6, 11 * MIB, "MaxScanSize"), (60, 1, "MaxFiles")],
)
def test_what_is_proved_small_holds_for_true_archives(
    telling: Clamd, tmp_path: Path, members: int, size: int, finding: str
) -> None:
    """One that unpacks to more than is scanned is never called fine: what the proof stands for."""
    path = tmp_path / "archive"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number in range(members):
            archive.writestr(str(number), bytes((number,)) * size)
    subject = Subject(path, path.stat().st_size, "0" * 64, "application/zip", "a.zip")
    found = telling.inspect(subject)
    assert found.outcome is Outcome.UNSCANNABLE
    assert found.finding == f"Heuristics.Limits.Exceeded.{finding}"


def test_a_member_beyond_its_reach_is_cut_off_and_not_told(telling: Clamd, tmp_path: Path) -> None:
    """The one limit that no switch makes it tell: so each member has to be within reach."""
    path = tmp_path / "archive"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("large", bytes(26 * MIB) + eicar())
    packed = Subject(path, path.stat().st_size, "0" * 64, "application/zip", "a.zip")
    assert telling.inspect(packed).outcome is Outcome.CLEAN
    reach = Probe(telling, eicar()).reach(tmp_path / "probe", 100 * MIB)
    path.write_bytes(bytes(26 * MIB) + eicar())
    member = Subject(path, path.stat().st_size, "0" * 64, "application/octet-stream", "large")
    assert WithinReach(telling, lambda: reach).inspect(member).reason == "too-large"


def test_one_that_finds_nothing_reaches_nowhere(narrow: Clamd, tmp_path: Path) -> None:
    probe = Probe(narrow, b"nothing that anybody knows")
    assert probe.reach(tmp_path / "probe", 8 * MIB) == 0
    assert probe.unpacks(tmp_path / "probe", 8 * MIB) == 0


def test_beyond_its_reach_it_is_not_asked(narrow: Clamd, tmp_path: Path) -> None:
    """Without alerts it would call the file fine; on a descriptor it really does."""
    path = tmp_path / "large"
    write_stored(path, 30 * MIB, eicar())
    subject = Subject(path, 30 * MIB, "0" * 64, "application/zip", "a.zip")
    if narrow.address.startswith("/"):
        assert narrow.inspect(subject).outcome is Outcome.CLEAN
    within = WithinReach(narrow, lambda: 24 * MIB)
    found = within.inspect(subject)
    assert (found.outcome, found.reason, found.version) == (
        Outcome.UNSCANNABLE,
        "too-large",
        narrow.version()[0],
    )
    small = tmp_path / "small"
    write_stored(small, 24 * MIB, eicar())
    assert (
        within.inspect(Subject(small, 24 * MIB, "0" * 64, "application/zip", "a.zip")).outcome
        is Outcome.INFECTED
    )


def test_a_scanner_that_is_away_was_not_tried(tmp_path: Path) -> None:
    probe = Probe(Clamd(str(tmp_path / "nobody"), seconds=1), eicar())
    with pytest.raises(EngineUnavailable):
        probe.reach(tmp_path / "probe", MIB)


@pytest.mark.parametrize("size", [MIB, 3 * MIB + 12345])
def test_the_probes_are_true_archives_and_cost_no_room(tmp_path: Path, size: int) -> None:
    path = tmp_path / "probe"
    write_stored(path, size, eicar())
    assert path.stat().st_size == size
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist()[-1] == "bait"
    write_packed(path, size, eicar())
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert [one.file_size for one in archive.infolist()] == [size]
    assert list(tmp_path.iterdir()) == [path]


def test_the_filler_is_a_hole(tmp_path: Path) -> None:
    path = tmp_path / "probe"
    write_stored(path, 64 * MIB, eicar())
    assert path.stat().st_blocks * 512 < 2 * MIB
