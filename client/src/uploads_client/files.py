"""Many files: what is handed in, what became of each, and what is known of one on its way."""

from __future__ import annotations

import os
import stat
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from uploads_client.answers import Document, Grant
from uploads_client.errors import UploadsError
from uploads_client.parts import Parts
from uploads_client.sources import Content, Source, checked_type, name_for, opened

# What ends one file and no other; everything else is a fault of the program, or its end.
FAULTS = (UploadsError, OSError, ValueError)


@dataclass(frozen=True, slots=True)
class File:
    """A content with a name or a media type that it does not bring along."""

    content: Content
    name: str | None = None
    type: str | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one of many: its document, or why there is none.

    `content` is what was handed in, and `place` where it stood, counted from 0.
    """

    place: int
    content: Content | File
    document: Document | None = None
    error: UploadsError | OSError | ValueError | None = None


class Item:
    """One file on its way. Raises OSError and ValueError where it can have none.

    `size` is None where nobody knows it before all is read. What was opened for it is closed by
    `close`, at the latest.
    """

    def __init__(self, place: int, given: Content | File, type_: str | None) -> None:
        file = given if isinstance(given, File) else File(given)
        self.place, self.given = place, given
        self.type = checked_type(type_ if file.type is None else file.type)
        self.name = name_for(file.content, file.name)
        self.digest = ""
        self.rounds = 0
        self.ended = False
        self.grant: Grant | None = None
        self.parts: Parts | None = None
        self._content = file.content
        self._open = ExitStack()
        self._source: Source | None = None
        self.size = self._size()

    @property
    def claim(self) -> dict[str, Any]:
        """What is said of it before its bytes go."""
        claim = {"name": self.name, "size": self.size, "sha256": self.digest}
        return claim if self.type is None else {**claim, "type": self.type}

    def source(self) -> Source:
        """Its bytes, the same for each who asks. Raises OSError and ValueError."""
        if self._source is None:
            self._source = self._open.enter_context(opened(self._content))
        return self._source

    def close(self) -> None:
        """Close what was opened here."""
        self._open.close()

    def _size(self) -> int | None:
        # Files of a long list are not all opened at once.
        if isinstance(self._content, str | os.PathLike):
            found = Path(self._content).stat()
            return found.st_size if stat.S_ISREG(found.st_mode) else None
        return getattr(self.source(), "size", None)
