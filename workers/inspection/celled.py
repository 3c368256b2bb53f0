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
from workers.inspection.engine import EngineUnavailable, Subject
from workers.sandbox.parent import CellBroken, CellCrashed, CellTimeout, Reply

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
    refused, and not tried again. Raises: EngineUnavailable, when no child got as far as the file;
    CellKilled, when somebody else ended the child.
    """
    try:
        with subject.path.open("rb") as file:
            reply = cell.run(task, file, {**options, "type": subject.type}, warm=warm, sink=sink)
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
    return _checked(task, reply.result)


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
