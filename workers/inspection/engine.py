"""What an inspection engine is: it is handed one file and says one word about it.

An engine opens the file, at most, and never changes it. It knows no document, no store and no
other engine; adding the reports up is the verdict's business.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from uploads.documents.model import EngineReport


class EngineUnavailable(Exception):
    """Raised when an engine could not answer, and it is not the file's fault: try again later."""


class EngineLate(EngineUnavailable):
    """Raised when an engine that is well took longer over this file than it may."""


class EngineSlowed(EngineLate):
    """Raised when our own readers were late by the clock, and had little of the processor."""


class EngineErred(EngineUnavailable):
    """Raised when an engine that is well said neither word over this file, or broke over it."""


@dataclass(slots=True)
class Spent:
    """Processor seconds that all our readers took over one file so far."""

    cpu_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Subject:
    """The file under inspection: `size` in bytes, lowercase hex SHA-256, our own media type.

    `name` is what the uploader called it: for reports only, never for a decision or a path.
    `deadline` is when its time is over, for all engines together, by `time.monotonic`; a machine
    that is busy makes it late. `cpu_seconds` is what our readers may take of the processor over it,
    of which `spent` keeps account: more is the file's own doing.
    """

    path: Path
    size: int
    sha256: str
    type: str
    name: str
    deadline: float = math.inf
    cpu_seconds: float = math.inf
    spent: Spent = field(default_factory=Spent, compare=False)

    @property
    def until(self) -> float | None:
        """The deadline as a cell's option; None for none."""
        return self.deadline if self.deadline < math.inf else None


class Engine(Protocol):
    """One engine. `clean` is said only about all bytes of exactly this file."""

    @property
    def name(self) -> str:
        """The engine's name in verdicts: `clamav`, `yara`, `structure`."""

    def inspect(self, subject: Subject) -> EngineReport:
        """Say what this file is.

        Raises: EngineUnavailable, and nothing else.
        """


@runtime_checkable
class SelfChecking(Protocol):
    """The power of an engine to say at little cost, and without a file, that it is of no use."""

    def fault(self) -> str:
        """What an operator has to mend before any file can be inspected; empty for nothing."""


class Scanner(Engine, Protocol):
    """An engine that is shown many files of one document, and asked once what it is."""

    def begin(self) -> Engine:
        """The same engine for one document: what it says of its version was asked just now.

        Raises: EngineUnavailable.
        """
