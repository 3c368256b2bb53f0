"""How far ClamAV reads, found out: it tells no limits over its protocol, and calls OK what lies
behind them.

So it is given archives with a virus at their very end, as large as what is accepted. The filler is
a hole in a file, or packed to next to nothing. What is not found is not within reach.
"""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from uploads.documents.model import EngineReport, Outcome
from workers.inspection.clamd import Begun, Clamd
from workers.inspection.engine import Engine, Subject

MIB = 1024 * 1024
_ZEROS = bytes(MIB)
_LEAST_BYTES = 4 * MIB
_FINE_BYTES = 128 * MIB
_CLAIMED = 2**31 - 5
"""More than `uploads.scanner.CEILING_BYTES`; what claims still more is no tar to ClamAV."""
_DEEPER = 120
"""More than CLI_MAX_MAXRECLEVEL, 100: clamd takes no larger MaxRecursion."""


class WithinReach:
    """ClamAV, asked only about files of a size that it was proved to read to the end."""

    def __init__(self, clamd: Clamd, reach: Callable[[], int]) -> None:
        self.name = clamd.name
        self._clamd = clamd
        self._reach = reach

    def inspect(self, subject: Subject) -> EngineReport:
        """As `Clamd.inspect`; a larger file is `too-large`. Raises: EngineUnavailable."""
        return self.begin().inspect(subject)

    def begin(self) -> Engine:
        """As `Clamd.begin`; how far it reads is looked up once as well."""
        return _Reaching(self._clamd.begin(), self._reach())


@dataclass(frozen=True, slots=True)
class _Reaching:
    begun: Begun
    reach: int

    @property
    def name(self) -> str:
        return self.begun.name

    def inspect(self, subject: Subject) -> EngineReport:
        if subject.size > self.reach:
            return self.begun.refuse("too-large")
        return self.begun.inspect(subject)


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

    def unpacks(self, path: Path, most: int, archive: int = 0) -> int:
        """The most bytes of one archive that it reads, or says that it did not.

        Up to `most` bytes, to a half, it has to find what is at the end. Who does, and says when a
        limit stops it, is believed about the `archive` bytes that one may unpack to: its `OK` is
        then about all of them.

        Raises: EngineUnavailable.
        """
        size = most
        while size >= _LEAST_BYTES:
            write_packed(path, size, self._bait)
            if self._found(path):
                return archive if size == most < archive and self.tells(path) else size
            size //= 2
        return 0

    def tells(self, path: Path) -> bool:
        """Whether it says that a limit stopped it (`AlertExceedsMax`), where it would say OK.

        It is shown two small files that exceed any limit which clamd can have: archives nested
        deeper than it ever opens, and a tar whose one file claims more than ClamAV reads at all.
        One switch rules over all limits of libclamav (`cli_checklimits`); by the second file those
        of sizes are tried themselves. Who has none has not said anything.

        Raises: EngineUnavailable.
        """
        write_nested(path, _DEEPER)
        if self._ask(path).reason != "too-deep":
            return False
        path.write_bytes(_claiming(_CLAIMED))
        return self._ask(path).reason == "too-large"

    def _found(self, path: Path) -> bool:
        return self._ask(path).outcome is Outcome.INFECTED

    def _ask(self, path: Path) -> EngineReport:
        size = path.stat().st_size
        subject = Subject(path, size, "", "application/zip", "probe")
        report = self._clamd.inspect(subject)
        path.unlink()
        return report


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


def write_nested(path: Path, levels: int) -> None:
    """Write an archive in an archive, and so on, each packed; the innermost has a harmless text."""
    data = b"a canary that sings\n"
    for _ in range(levels):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("inner.zip", data)
        data = packed.getvalue()
    path.write_bytes(data)


def _claiming(size: int) -> bytes:
    """A tar whose one file says that it has `size` bytes, and has next to none."""
    member = tarfile.TarInfo("claims")
    member.size = size
    return member.tobuf(tarfile.GNU_FORMAT) + bytes(1024)


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
