"""Small members put together, so that a scanner is asked about some hundred of them at once.

An archive of ten thousand small files is nothing odd, and ten thousand questions take a minute. A
tar that we write is unpacked by ClamAV like any other, and each of its files looked at as by
itself; nothing in a member can change how it is read, since their lengths stand before them. That
ClamAV looks into one to its end is part of what it proves itself with (`canaries.py`). Whatever it
says of a bundle but `clean` is no word yet: then each is shown alone.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable
from typing import Protocol

MOST = 256
MOST_BYTES = 8 * 1024 * 1024
SMALL_BYTES = 64 * 1024
_NAME = "member"


class Sink(Protocol):
    """Where a bundle is written to, piece by piece."""

    def write(self, data: bytes, /) -> object:
        """Take the next bytes."""


def write_bundle(sink: Sink, members: Iterable[bytes]) -> None:
    """Write a tar (POSIX.1-1988, ustar) of the members, each under the same name of ours."""
    with tarfile.open(fileobj=sink, mode="w|", format=tarfile.USTAR_FORMAT) as tar:  # type: ignore[call-overload]
        for data in members:
            entry = tarfile.TarInfo(_NAME)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
