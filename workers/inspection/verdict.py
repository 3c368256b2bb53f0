"""Adds the engines' reports up to one verdict, and says which state it leads to.

The table that decides; it knows no engine's insides. Whatever is not an explicit "clean" from
every engine that must speak is not clean.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from uploads.documents.model import EngineReport, Outcome, State
from workers.inspection.engine import EngineUnavailable

REJECTING = frozenset(
    {
        "active-content",
        "bomb",
        "digest-mismatch",
        "malformed-file",
        "not-utf-8",
        "second-format",
        "trailing-data",
        "type-mismatch",
    }
)
"""Reasons that are the file's own fault, known for certain: a door would have refused for them."""

_SILENT = frozenset({Outcome.NOT_CONFIGURED, Outcome.NOT_APPLICABLE})


_NAMEABLE = frozenset({"active-content", "unknown-packing"})
"""Reasons that the virus scanner may have a better word for: it opens more, and knows viruses."""


def is_final(report: EngineReport) -> bool:
    """Whether one engine refuses a file so that the virus scanner need not be asked.

    What another engine found is no such word: a second name is worth having.
    """
    return report.outcome is Outcome.UNSCANNABLE and report.reason not in _NAMEABLE


def add_up(reports: Sequence[EngineReport], required: Iterable[str]) -> tuple[Outcome, str | None]:
    """Outcome and reason of all reports together.

    Raises EngineUnavailable when an engine in `required` did not speak, and none of those that did
    has settled it: the file then waits.
    """
    spoken = {report.name: report.outcome for report in reports}
    settled = any(one.outcome is Outcome.INFECTED or is_final(one) for one in reports)
    for name in () if settled else required:
        if spoken.get(name, Outcome.NOT_CONFIGURED) in {Outcome.NOT_CONFIGURED, Outcome.ERROR}:
            raise EngineUnavailable(f"{name} is required and did not speak")
    outcomes = set(spoken.values())
    if Outcome.INFECTED in outcomes:
        return Outcome.INFECTED, None
    refusals = [one.reason for one in reports if one.outcome is Outcome.UNSCANNABLE]
    if refusals:
        return Outcome.UNSCANNABLE, refusals[0] or "unscannable"
    if outcomes - _SILENT != {Outcome.CLEAN}:
        raise EngineUnavailable(f"no engine vouched for the file: {sorted(outcomes)}")
    return Outcome.CLEAN, None


def state_for(outcome: Outcome, reason: str | None) -> State:
    """The state a verdict leads to."""
    if outcome is Outcome.CLEAN:
        return State.CLEAN
    if outcome is Outcome.INFECTED:
        return State.INFECTED
    return State.REJECTED if reason in REJECTING else State.UNSCANNABLE
