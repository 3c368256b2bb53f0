"""A refused file for analysts: the only member of an encrypted ZIP, made while it is sent.

The password is the convention of the field and no secret: it keeps scanners on the way from
choking on the file, and people from opening it by a careless click. AES-256 as WinZip has it
(AE-2); stored and not packed, so it costs no more than the encryption. Knows no store.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

PASSWORD = "infected"  # noqa: S105  everybody knows it, and is to know it
TYPE = "application/zip"
_PIECE = 64 * 1024
_MODE = 0o600 << 16  # APPNOTE 4.4.15: where Unix keeps permissions


def sealed(name: str, at: datetime, size: int, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The ZIP's bytes, in pieces of 64 KiB or a little more, with `size` bytes under this name.

    Nothing is kept but what was not taken yet. What the pieces raise ends it where it is.
    """
    # With it comes a second library of ciphers: loaded by whoever takes a sample out.
    import pyzipper  # noqa: PLC0415

    made = _Outlet()
    with pyzipper.AESZipFile(made, "w", encryption=pyzipper.WZ_AES) as archive:
        archive.setpassword(PASSWORD.encode())
        entry = archive.zipinfo_cls(name, at.utctimetuple()[:6])
        entry.external_attr, entry.file_size = _MODE, size
        with archive.open(entry, "w") as member:
            for piece in pieces:
                for start in range(0, len(piece), _PIECE):
                    member.write(piece[start : start + _PIECE])
                    yield made.taken()
    yield made.taken()


class _Outlet:
    """A file that cannot go back, and hands over what was written to it."""

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._written.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Everything is handed over anyway."""

    def taken(self) -> bytes:
        """What was written since it was last asked for."""
        written, self._written = self._written, []
        return b"".join(written)
