"""The LibreOffice of this machine: where it is, and what it is made of."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from workers.sandbox.premises import Premises

FILE_BYTES = 64 * 1024 * 1024  # of the document, and of each file that the program writes

# Libraries, fonts and tables, on the systems that we know; none of it is anybody's.
_SYSTEM = (
    *("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache"),
    *("/etc/fonts", "/usr/share/fonts", "/usr/local/share/fonts", "/usr/share/fontconfig"),
    *("/var/cache/fontconfig", "/usr/share/hunspell", "/usr/share/hyphen", "/usr/share/mythes"),
    *("/usr/share/liblangtag", "/usr/share/zoneinfo", "/etc/localtime"),
)
_LINKERS = ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1")


class OfficeUnfit(Exception):
    """Raised when documents cannot be converted here, with the reason for the operator."""


@dataclass(frozen=True, slots=True)
class Installation:
    """A LibreOffice: its program, the word that says which build it is, and all its places."""

    program: Path
    build: str
    places: tuple[str, ...]

    @classmethod
    def find(cls, command: str = "soffice") -> Self:
        """Look where the command leads. Raises OfficeUnfit."""
        found = shutil.which(command)
        if found is None:
            raise OfficeUnfit("LibreOffice is not installed")
        folder = Path(found).resolve().parent
        program = folder / "soffice.bin"
        try:
            lines = (folder / "versionrc").read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise OfficeUnfit(f"LibreOffice has no version: {error}") from error
        builds = [line.removeprefix("buildid=") for line in lines if line.startswith("buildid=")]
        if not program.is_file() or not builds:
            raise OfficeUnfit(f"LibreOffice is not whole: {folder}")
        return cls(program, builds[0], _places(folder.parent))

    def premises(self, folder: Path) -> Premises:
        """What of the file system it keeps when `folder` is its own."""
        readable = (*self.places, *_SYSTEM)
        programs = (str(self.program), *_LINKERS)
        return Premises(str(folder), readable, programs, file_bytes=FILE_BYTES)


def _places(root: Path) -> tuple[str, ...]:
    """The folder itself, and what its links lead to, for packagers spread it over the system."""
    outside = set()
    for folder, folders, files in os.walk(root):
        for path in (Path(folder, name) for name in (*folders, *files)):
            if path.is_symlink() and not (target := path.resolve()).is_relative_to(root):
                outside.add(str(target))
    return (str(root), *sorted(outside))
