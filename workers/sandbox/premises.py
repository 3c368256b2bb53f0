"""What a program of others keeps of the file system: one folder of its own, and what it is made of.

Such a program opens its libraries, fonts and tables by their paths, so the strict cell, which has
no paths at all, is nothing for it. Landlock bounds the paths, and is required.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from workers.sandbox import landlock

# The folder as its tenant sees it: a way to it that does not lead through folders of others, which
# may be closed to whom it is by then.
HERE = "/proc/self/cwd"
# Nothing is in them that was not there before, or that goes anywhere.
_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")


@dataclass(frozen=True, slots=True)
class Premises:
    """`folder` is all that it may write; files and folders in `readable` and `programs` remain.

    What is in `programs` may be executed, and nothing else. What is missing is left out. No file
    that it writes has more than `file_bytes`.
    """

    folder: str
    readable: Sequence[str]
    programs: Sequence[str]
    file_bytes: int = 64 * 1024 * 1024
    open_files: int = 256

    @classmethod
    def of(cls, words: Mapping[str, Any]) -> Self:
        """Read what `words` wrote."""
        return cls(**words)

    def words(self) -> dict[str, Any]:
        """As one line of JSON can say it."""
        return asdict(self)

    def enter(self) -> list[landlock.Opening]:
        """Go into the folder and open what remains, as long as one may look. Raises OSError."""
        os.chdir(self.folder)
        wanted = [
            *((path, landlock.READ) for path in self.readable),
            *((path, landlock.READ) for path in _DEVICES),
            *((path, landlock.RUN) for path in self.programs),
        ]
        found = [(path, kept) for path, kept in wanted if Path(path).exists()]
        flags = os.O_PATH | os.O_CLOEXEC
        return [
            (os.open(".", flags | os.O_NOFOLLOW), landlock.OWN),
            *((os.open(path, flags), kept) for path, kept in found),
        ]
