"""What a file is made of: archives, macros, scripts, encryption, sizes. Run in the parser cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from uploads.documents.model import EngineReport
from uploads.documents.readers.limits import Limits
from workers.inspection import celled
from workers.inspection.engine import Subject

VERSION = "10"  # raise it whenever a check changes: verdicts name it


class Structure:
    """The engine `structure`: our own readers, by the type that policy gave the file."""

    name = "structure"

    def __init__(
        self,
        cell: celled.AnyCell,
        limits: Limits | None = None,
        readable: Callable[[], int | None] = lambda: None,
    ) -> None:
        """`readable` is how much of an archive others will unpack, in bytes; None: all of it."""
        self._cell = cell
        self._limits = limits or Limits()
        self._readable = readable

    def inspect(self, subject: Subject) -> EngineReport:
        """Check the file's structure. Raises: EngineUnavailable."""
        limits = replace(self._limits, readable=self._readable(), deadline=subject.until)
        answer = celled.ask(self._cell, "structure", subject, limits.options())
        return celled.report(self.name, VERSION, None, answer)
