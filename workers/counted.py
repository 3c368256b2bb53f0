"""Engines, jobs, the cell and the publisher, each as it is, with what they do entered into metrics.

Put around them where a worker is put together; none of them knows that it is counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from uploads.documents.errors import LeaseLost, ObjectMissing, StorageFull, Unavailable
from uploads.documents.model import Document, EngineReport, Job, JobKind, Verdict
from uploads.metrics import (
    CELL_FAILURES,
    INSPECTION,
    JOB_DEFERRALS,
    JOB_SECONDS,
    JOB_STARTS,
    SETTLED,
)
from workers.inspection.engine import Engine, EngineUnavailable, Subject
from workers.inspection.verdict import state_for
from workers.publishing import Publisher
from workers.sandbox.parent import (
    Cell,
    CellBroken,
    CellCrashed,
    CellFailure,
    CellKilled,
    CellTimeout,
    Reply,
)

# The narrower classes first.
_HOW: tuple[tuple[type[CellFailure], str], ...] = (
    (CellTimeout, "timeout"),
    (CellBroken, "broken"),
    (CellCrashed, "crashed"),
    (CellKilled, "killed"),
)


class CountedEngine:
    """`Engine` that is another one."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def name(self) -> str:
        return self._engine.name

    def inspect(self, subject: Subject) -> EngineReport:
        began, outcome = time.monotonic(), "unavailable"
        try:
            report = self._engine.inspect(subject)
            outcome = report.outcome.value
            return report
        finally:
            INSPECTION.observe(time.monotonic() - began, self.name, outcome)


class CountedPublisher(Publisher):
    """`Publisher` that counts what it settled."""

    def conclude(self, job: Job, document: Document, path: Path, verdict: Verdict) -> None:
        super().conclude(job, document, path, verdict)
        SETTLED.count(state_for(verdict.outcome, verdict.reason).value)


class CountedCell(Cell):
    """`Cell` that counts how its children fail."""

    def run(self, task: str, file: BinaryIO, options: Any = None, **more: Any) -> Reply:
        try:
            return super().run(task, file, options, **more)
        except CellFailure as error:
            CELL_FAILURES.count(task, how(error))
            raise


def how(failure: CellFailure) -> str:
    """The word for a child's end."""
    return next((word for kind, word in _HOW if isinstance(failure, kind)), "failed")


def counted(kind: JobKind, handler: Callable[[Job], None]) -> Callable[[Job], None]:
    """A handler whose starts are counted by what becomes of them."""

    def handle(job: Job) -> None:
        JOB_STARTS.count(kind.value)
        began, outcome = time.monotonic(), "failed"
        try:
            handler(job)
            outcome = "done"
        except (EngineUnavailable, Unavailable) as error:
            outcome = "deferred"
            JOB_DEFERRALS.count(kind.value, part_of(error))
            raise
        except LeaseLost:
            outcome = "lost"
            raise
        except ObjectMissing:
            outcome = "missing"
            raise
        except CellKilled:
            outcome = "killed"
            raise
        finally:
            JOB_SECONDS.observe(time.monotonic() - began, kind.value, outcome)

    return handle


def part_of(error: EngineUnavailable | Unavailable) -> str:
    """The word for what was away."""
    if isinstance(error, EngineUnavailable):
        return "engine"
    return "storage-full" if isinstance(error, StorageFull) else error.part
