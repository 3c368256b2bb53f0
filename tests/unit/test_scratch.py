"""The worker's place on disk, where a program may have been left alone with a folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from uploads.config import ConfigurationError
from workers.scratch import Scratch

DEPTH = 1200  # beyond what Python calls itself, and with its name beyond what a path may be long
NAME = "deep"
NOBODY = 65534


@pytest.fixture
def scratch(tmp_path: Path) -> Scratch:
    made = Scratch(tmp_path / "scratch")
    made.clear()
    return made


def test_a_place_that_cannot_be_is_named_by_its_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"UPLOADS_SCRATCH.*/file/scratch"):
        Scratch(tmp_path / "file" / "scratch").clear()


def fill(folder: Path, outside: Path) -> None:
    """Deep folders, closed folders, links out of it, and names that look like ours."""
    (folder / "link").symlink_to(outside)
    (folder / "file").write_bytes(b"left")
    (folder / "closed").mkdir()
    (folder / "closed" / "within").mkdir(mode=0)
    (folder / "closed" / "out").symlink_to(outside)
    (folder / "closed").chmod(0)
    at = os.open(folder, os.O_RDONLY)
    for _ in range(DEPTH):
        os.mkdir(NAME, dir_fd=at)
        below = os.open(NAME, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "kept").write_bytes(b"kept")
    return folder


def test_a_folder_goes_whatever_is_in_it(scratch: Scratch, outside: Path) -> None:
    """However deep and closed it is; what links lead to stays."""
    with scratch.folder("one", NOBODY) as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        assert folder.stat().st_uid == (NOBODY if os.geteuid() == 0 else os.geteuid())
        fill(folder, outside)
    assert not folder.exists()
    assert (outside / "kept").read_bytes() == b"kept"


def test_it_goes_when_something_is_raised(scratch: Scratch, tmp_path: Path) -> None:
    def work() -> None:
        with scratch.folder("one", NOBODY) as folder:
            (folder / "file").write_bytes(b"left")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert list(tmp_path.glob("scratch/*")) == []


def test_what_a_killed_worker_left_goes_at_the_next_start(
    scratch: Scratch, outside: Path, tmp_path: Path
) -> None:
    root = tmp_path / "scratch"
    (root / "office-1").mkdir()
    fill(root / "office-1", outside)
    before = root.stat().st_ino
    scratch.clear()
    assert list(root.iterdir()) == []
    assert root.stat().st_ino == before  # it may be a volume of its own
    assert (outside / "kept").exists()


def test_forgotten_folders_go_with_time(scratch: Scratch, outside: Path, tmp_path: Path) -> None:
    for name in ("old", "young"):
        (tmp_path / "scratch" / name).mkdir()
    (tmp_path / "scratch" / "old" / "file").write_bytes(b"left")
    (tmp_path / "scratch" / "link").symlink_to(outside)
    os.utime(tmp_path / "scratch" / "old", (0, 0))
    os.utime(outside, (0, 0))
    assert scratch.remove_older(60) == 2
    assert [path.name for path in (tmp_path / "scratch").iterdir()] == ["young"]
    assert (outside / "kept").exists()
