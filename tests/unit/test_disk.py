"""The disk guard: says full before the disk is, looks seldom, and takes its word back by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.line import TEXT, Line
from uploads.config import Settings
from uploads.disk import DiskGuard, guard
from uploads.documents.errors import StorageFull, Unavailable
from uploads.documents.intake import Offer
from uploads.documents.model import State

MIB = 1024 * 1024


@dataclass
class Disk:
    """A file system of 1,000 MiB in blocks of 1 MiB."""

    f_bavail: int = 500
    f_frsize: int = MIB
    f_blocks: int = 1000
    f_files: int = 10_000
    f_favail: int = 5_000
    looks: int = 0
    now: float = 0.0

    def guard(self, reserve: int = 100 * MIB, percent: float = 0) -> DiskGuard:
        return DiskGuard(
            [Path("/data")],
            reserve_bytes=reserve,
            reserve_percent=percent,
            clock=lambda: self.now,
            look=self.look,
        )

    def look(self, _: Path) -> Disk:
        self.looks += 1
        return self


def is_full(guard: DiskGuard) -> bool:
    try:
        guard.check()
    except StorageFull:
        return True
    return False


@pytest.mark.parametrize(
    ("reserve", "percent", "free", "full"),
    [
        (100, 0, 100, False),
        (100, 0, 99, True),
        (0, 10, 100, False),
        (0, 10, 99, True),
        (50, 10, 99, True),
        (200, 10, 150, True),
        (0, 0, 0, False),
    ],
)
def test_the_larger_reserve_holds(reserve: int, percent: float, free: int, full: bool) -> None:
    assert is_full(Disk(f_bavail=free).guard(reserve * MIB, percent)) is full


def test_a_disk_without_inodes_is_full_and_one_that_counts_none_is_not() -> None:
    assert is_full(Disk(f_favail=10).guard())
    assert not is_full(Disk(f_files=0, f_favail=0).guard())


def test_it_looks_once_a_second_and_takes_its_word_back() -> None:
    disk = Disk(f_bavail=10)
    guard = disk.guard()
    assert [is_full(guard) for _ in range(50)] == [True] * 50
    assert disk.looks == 1
    disk.f_bavail = 500
    assert is_full(guard)
    disk.now += 1
    assert not is_full(guard)


def test_a_folder_that_does_not_exist_has_no_say(tmp_path: Path) -> None:
    missing = DiskGuard([tmp_path / "no"], reserve_bytes=2**62, reserve_percent=0)
    assert not is_full(missing)
    there = DiskGuard([tmp_path], reserve_bytes=2**62, reserve_percent=0)
    assert is_full(there)


def test_the_database_file_is_watched_wherever_it_is(tmp_path: Path) -> None:
    settings = Settings(
        data=tmp_path / "data",
        database_url=f"sqlite:///{tmp_path / 'elsewhere' / 'uploads.db'}",
        disk_reserve_bytes=2**62,
    )
    assert not is_full(guard(settings))
    (tmp_path / "elsewhere").mkdir()
    assert is_full(guard(settings))


def test_an_upload_is_refused_before_its_first_byte_and_leaves_nothing(line: Line) -> None:
    def never() -> Iterator[bytes]:
        raise AssertionError("a byte was read")
        yield b""

    disk = Disk(f_bavail=10)
    line.intake._check_room = disk.guard().check
    with pytest.raises(StorageFull):
        line.intake.accept(line.actor, Offer("a.txt", None), never())
    assert not line.storage.objects


def test_a_disk_that_fills_under_an_upload_ends_it(line: Line) -> None:
    disk = Disk()
    line.intake._check_room = disk.guard().check

    def pieces() -> Iterator[bytes]:
        for number in range(100):
            disk.now += 1
            disk.f_bavail = 500 - 5 * number
            yield TEXT

    with pytest.raises(StorageFull):
        line.intake.accept(line.actor, Offer("a.txt", None), pieces())
    assert not line.storage.objects
    assert line.quotas.of(line.actor.user_id).files_used == 0
    disk.f_bavail, disk.now = 500, disk.now + 1
    line.accept(TEXT)


def test_an_inspection_without_room_is_put_off_and_costs_no_start(line: Line) -> None:
    """The job waits until there is room; it is never failed for that."""
    disk = Disk(f_bavail=10)
    line.scratch._check_room = disk.guard().check
    document = line.accept(TEXT)
    job_id = line.job_of(document)
    for _ in range(5):
        line.runner.run(job_id)
        assert line.state(document) is State.QUARANTINED
        line.later(minutes=2)
    assert (line.job(job_id).starts, line.job(job_id).deferrals) == (0, 5)
    disk.f_bavail, disk.now = 500, 1
    line.runner.run(job_id)
    assert line.state(document) is State.CLEAN


def test_a_full_disk_is_a_part_that_is_away() -> None:
    """So workers defer on it, and clients hear that they may try again."""
    assert issubclass(StorageFull, Unavailable)
