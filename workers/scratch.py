"""The worker's own bounded place on disk: one file at a time for each job, gone afterwards."""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from uploads.config import ConfigurationError
from uploads.documents.errors import StorageUnavailable, Unavailable

_PIECE = 1024 * 1024
_log = structlog.get_logger(__name__)


class ScratchUnavailable(Unavailable):
    """Raised when the scratch folder cannot be written: full, out of descriptors, read-only."""

    part = "scratch"


class Scratch:
    """Files under inspection below `root`, readable by this user alone.

    One worker owns one root: what it finds there at its start was left by a dead one.
    """

    def __init__(self, root: Path, check_room: Callable[[], None] = lambda: None) -> None:
        """`check_room` raises Unavailable while there is too little room to begin with a file."""
        self._root = root
        self._check_room = check_room

    def clear(self) -> None:
        """Remove everything: called once, before the worker takes its first job.

        Raises ConfigurationError where there can be no such folder.
        """
        try:
            self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise ConfigurationError(f"UPLOADS_SCRATCH or UPLOADS_DATA: {error}") from error
        try:
            empty_folder(self._root)
        except OSError as error:
            _log.error("scratch_not_tidied", name=self._root.name, cause=str(error))

    @contextmanager
    def file(self, name: str) -> Iterator[Path]:
        """A path for one file; whatever is there afterwards is removed."""
        path = self._place(name)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    @contextmanager
    def folder(self, name: str, owner: int) -> Iterator[Path]:
        """A new folder for one program, gone afterwards with all that is in it.

        It belongs to `owner`, a user and group that the program changes to when we are root.
        """
        path = self._place(name)
        try:
            path.mkdir(mode=0o700)
            if os.geteuid() == 0:
                os.chown(path, owner, owner)
        except OSError as error:
            raise ScratchUnavailable(str(error)) from error
        try:
            yield path
        finally:
            remove_folder(path)

    def _place(self, name: str) -> Path:
        self._check_room()
        try:
            self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise ScratchUnavailable(str(error)) from error
        return self._root / name

    def remove_older(self, seconds: float) -> int:
        """Remove what nobody has written for `seconds`; returns how many."""
        limit = time.time() - seconds
        removed = 0
        for path in self._root.glob("*"):
            try:
                if path.stat().st_mtime < limit:
                    if path.is_dir() and not path.is_symlink():
                        remove_folder(path)
                    else:
                        path.unlink()
                    removed += 1
            except FileNotFoundError:
                continue  # its job ended between the two calls
            except OSError as error:
                _log.error("scratch_not_tidied", name=path.name, cause=str(error))
        return removed


def remove_folder(folder: Path) -> None:
    """Remove a folder and all that is in it, as `empty_folder` does. Raises OSError."""
    empty_folder(folder)
    folder.rmdir()


def empty_folder(folder: Path) -> None:
    """Empty a folder that strangers may have filled, when nobody writes to it any more.

    However deep it is, and whatever modes its folders have: what lies in a folder below is brought
    up first, so that no path becomes long and nothing here calls itself. Raises OSError.
    """
    mark = secrets.token_hex(8)  # a name that is not there
    brought = 0
    while entries := list(os.scandir(folder)):
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                Path(entry.path).unlink()
                continue
            Path(entry.path).chmod(0o700)
            for below in list(os.scandir(entry.path)):
                if below.is_dir(follow_symlinks=False):
                    Path(below.path).chmod(0o700)
                    Path(below.path).rename(folder / f"{mark}-{brought}")
                    brought += 1
                else:
                    Path(below.path).unlink()
            Path(entry.path).rmdir()


def write(path: Path, pieces: Iterable[bytes]) -> tuple[int, str]:
    """Write the pieces to a new file of mode 0600; returns size in bytes and SHA-256 in hex.

    Raises ScratchUnavailable, and whatever the pieces raise.
    """
    digest = hashlib.sha256()
    size = 0
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    try:
        with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
            for piece in pieces:
                digest.update(piece)
                size += file.write(piece)
    except OSError as error:
        raise ScratchUnavailable(str(error)) from error
    return size, digest.hexdigest()


def within(pieces: Iterable[bytes], seconds: float) -> Iterator[bytes]:
    """Pass pieces on; raise StorageUnavailable when they take longer than `seconds` in all.

    A transfer that only trickles never trips a socket's time-out, and must not be mistaken for a
    file that kills workers: it ends with a word, before the job's hard limit ends it without one.
    """
    deadline = time.monotonic() + seconds
    for piece in pieces:
        if time.monotonic() > deadline:
            raise StorageUnavailable(f"a transfer took longer than {seconds} s")
        yield piece


class FilePieces:
    """A file's bytes, hashed as they are read; may be iterated again from the start."""

    def __init__(self, path: Path, seconds: float) -> None:
        self._path = path
        self._seconds = seconds
        self.sha256 = ""

    def __iter__(self) -> Iterator[bytes]:
        digest = hashlib.sha256()
        for piece in within(self._read(), self._seconds):
            digest.update(piece)
            yield piece
        self.sha256 = digest.hexdigest()

    def _read(self) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece
