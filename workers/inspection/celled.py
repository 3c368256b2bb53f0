"""Asking an engine that lives in the parser cell, and doubting what it says.

The reply was made next to a stranger's bytes: it may only choose from the words listed here, and
whatever else comes back is the file's doing and never clean.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, Protocol

from uploads.documents.model import EngineReport, Outcome
from workers.inspection.engine import EngineSlowed, EngineUnavailable, Subject
from workers.sandbox.parent import (
    CellBroken,
    CellCrashed,
    CellFailure,
    CellSlow,
    CellTimeout,
    Measure,
    Reply,
)

log = logging.getLogger(__name__)

REASONS = frozenset(
    {
        "encrypted",
        "too-large",
        "too-deep",
        "bomb",
        "timeout",
        "active-content",
        "malformed-file",
        "not-utf-8",
        "second-format",
        "trailing-data",
        "type-mismatch",
        "unknown-packing",
    }
)
_FINDING = re.compile(r"[ -~]{1,200}")


class AnyCell(Protocol):
    """The part of `workers.sandbox.parent.Cell` that engines use."""

    def run(
        self,
        task: str,
        file: BinaryIO,
        options: Mapping[str, Any] | None = None,
        *,
        warm: Mapping[str, Any] | None = None,
        sink: Callable[[bytes], None] | None = None,
        measure: Measure | None = None,
    ) -> Reply: ...


def ask(
    cell: AnyCell,
    task: str,
    subject: Subject,
    options: Mapping[str, Any],
    warm: Mapping[str, Any] | None = None,
    sink: Callable[[bytes], None] | None = None,
) -> tuple[Outcome, str | None, str | None]:
    """Run a task over the file; return outcome, finding and reason. It is loaded with `warm`.

    `sink` takes what the task hands out on the way, and may raise what it likes.

    A child that dies over a file has met something that its parsers do not survive: that file is
    refused, and not tried again. So is one that took the processor's time of a file; but who is
    late by the clock alone, on a busy machine, has said nothing.
    Raises: EngineUnavailable, when no child got as far as the file; EngineSlowed; CellKilled, when
    somebody else ended the child.
    """
    try:
        reply = _run(cell, task, subject, options, warm, sink)
    except CellSlow as error:
        raise EngineSlowed(str(error)) from error
    except CellTimeout:
        return Outcome.UNSCANNABLE, None, "timeout"
    except CellBroken as error:
        raise EngineUnavailable(f"{task}: {error} {error.log[-500:]}") from error
    except CellCrashed as error:
        # What the child printed may hold pieces of the file and stays out of the log.
        log.warning("the %s cell failed on %s: %s", task, subject.sha256, error)
        return Outcome.UNSCANNABLE, None, "malformed-file"
    except OSError as error:
        raise EngineUnavailable(f"{task}: {error}") from error
    answer = _checked(task, reply.result)
    if answer[2] == "timeout":  # children know the clock; the template ends who takes too much
        raise EngineSlowed(f"{task}: late after {reply.usage.cpu_seconds:.1f} s of the processor")
    return answer


def _run(
    cell: AnyCell,
    task: str,
    subject: Subject,
    options: Mapping[str, Any],
    warm: Mapping[str, Any] | None,
    sink: Callable[[bytes], None] | None,
) -> Reply:
    """Within what is left of the file's time, and what it takes goes off that."""
    spent = subject.spent
    measure = Measure(subject.cpu_seconds - spent.cpu_seconds, subject.deadline)
    options = {**options, "type": subject.type}
    try:
        with subject.path.open("rb") as file:
            reply = cell.run(task, file, options, warm=warm, sink=sink, measure=measure)
    except CellFailure as failure:
        spent.cpu_seconds += failure.usage.cpu_seconds
        raise
    spent.cpu_seconds += reply.usage.cpu_seconds
    return reply


def report(
    name: str,
    version: str,
    signatures: str | None,
    answer: tuple[Outcome, str | None, str | None],
) -> EngineReport:
    """Put an answer into a report."""
    outcome, finding, reason = answer
    return EngineReport(
        name=name,
        version=version,
        outcome=outcome,
        signatures=signatures,
        finding=finding,
        reason=reason,
    )


def _checked(task: str, result: Mapping[str, Any]) -> tuple[Outcome, str | None, str | None]:
    outcome, finding, reason = (result.get(key) for key in ("outcome", "finding", "reason"))
    if finding is not None and not (isinstance(finding, str) and _FINDING.fullmatch(finding)):
        finding = "unnamed"
    if outcome in ("clean", "not-applicable") and finding is None and reason is None:
        return Outcome(outcome), None, None
    if outcome == "infected" and reason is None:
        return Outcome.INFECTED, finding or "unnamed", None
    if outcome == "unscannable" and isinstance(reason, str) and reason in REASONS:
        return Outcome.UNSCANNABLE, finding, reason
    log.warning("the %s cell gave an answer that it does not have", task)
    return Outcome.UNSCANNABLE, None, "malformed-file"
