"""How far ClamAV reads, found out: it tells no limits over its protocol, and calls OK what lies
behind them.

So it is given archives with a virus at their very end, as large as what is accepted. The filler is
a hole in a file, or packed to next to nothing. What is not found is not within reach.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from uploads.documents.model import EngineReport, Outcome
from workers.inspection.clamd import Clamd
from workers.inspection.engine import Subject

MIB = 1024 * 1024
_ZEROS = bytes(MIB)
_LEAST_BYTES = 4 * MIB
_FINE_BYTES = 128 * MIB


class WithinReach:
    """ClamAV, asked only about files of a size that it was proved to read to the end."""

    def __init__(self, clamd: Clamd, reach: Callable[[], int]) -> None:
        self.name = clamd.name
        self._clamd = clamd
        self._reach = reach

    def inspect(self, subject: Subject) -> EngineReport:
        """As `Clamd.inspect`; a larger file is `too-large`. Raises: EngineUnavailable."""
        if subject.size <= self._reach():
            return self._clamd.inspect(subject)
        version, signatures = self._clamd.version()
        return EngineReport(
            *(self.name, version, Outcome.UNSCANNABLE, signatures), reason="too-large"
        )


class Probe:
    """Tries how far ClamAV reads. `bait` is a file that it must find, bytes."""

    def __init__(self, clamd: Clamd, bait: bytes) -> None:
        self._clamd = clamd
        self._bait = bait

    def reach(self, path: Path, most: int) -> int:
        """The largest archive, up to `most` bytes, that is read to its end: to a mebibyte, to a
        half where it is so large that each look takes seconds.

        Raises: EngineUnavailable.
        """

        def found(size: int) -> bool:
            write_stored(path, size, self._bait)
            return self._found(path)

        return _largest(found, most)

    def unpacks(self, path: Path, most: int) -> int:
        """The most bytes, to a half and up to `most`, that are unpacked of one archive.

        Raises: EngineUnavailable.
        """
        size = most
        while size >= _LEAST_BYTES:
            write_packed(path, size, self._bait)
            if self._found(path):
                return size
            size //= 2
        return 0

    def _found(self, path: Path) -> bool:
        size = path.stat().st_size
        subject = Subject(path, size, "", "application/zip", "probe")
        report = self._clamd.inspect(subject)
        path.unlink()
        return report.outcome is Outcome.INFECTED


def write_stored(path: Path, size: int, bait: bytes) -> None:
    """Write an archive of exactly `size` bytes with the bait as its last member; the filler, which
    is stored, is a hole in the file."""
    empty = io.BytesIO()
    _fill(empty, 0, bait)
    with _Holes(path, "w+b") as file:
        _fill(file, max(0, size - len(empty.getvalue())), bait)


def write_packed(path: Path, size: int, bait: bytes) -> None:
    """Write an archive with one packed member of `size` bytes: an archive with the bait at its end.

    It is found by who unpacks so much at all, and a single member as large as that.
    """
    inner = path.with_name(f"{path.name}-inner")
    try:
        write_stored(inner, size, bait)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            archive.write(inner, "inner.zip")
    finally:
        inner.unlink(missing_ok=True)


def _fill(file: io.BytesIO | io.FileIO, filler: int, bait: bytes) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        with archive.open("filler", "w") as member:
            for _ in range(filler // MIB):
                member.write(_ZEROS)
            member.write(_ZEROS[: filler % MIB])
        archive.writestr("bait", bait)


class _Holes(io.FileIO):
    """A file in which our mebibyte of zeros takes up no room."""

    def write(self, data: Any) -> int:
        if data is _ZEROS:
            self.seek(len(data), io.SEEK_CUR)
            return len(data)
        return super().write(data)


def _largest(holds: Callable[[int], bool], most: int) -> int:
    """The largest size for which it holds; 0 for none. At once where all is well."""
    low, high = most, most
    while low > MIB and not holds(low):
        low, high = low // 2, low
    if low <= MIB and not holds(low):
        return 0
    while low <= _FINE_BYTES and high - low > MIB:
        middle = (low + high) // 2
        if holds(middle):
            low = middle
        else:
            high = middle
    return low
