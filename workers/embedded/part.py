"""What a part of the stack is: a program, when it is ready, and how it is stopped.

Plain data, so that the supervisor can be shown with stand-ins; knows no actual program.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGTERM, Signals


class StackError(Exception):
    """Raised when the stack cannot start or go on; its text is one sentence for the person."""


class ErrandFailed(StackError):
    """Raised when an errand failed after it had said itself, in a sentence, why."""


# An errand's exit code for that; Python's own tracebacks end with 1.
HAS_SPOKEN = 3


def _at_once() -> bool:
    return True


def _nothing() -> None:
    return None


@dataclass(frozen=True)
class Part:
    """One long-running program, started in a process group of its own."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    before: Callable[[], None] = _nothing
    """Run before every start: clears what an earlier life left behind."""
    ready: Callable[[], bool] = _at_once
    """Whether it answers now; must return within a second or two."""
    ready_seconds: float = 30
    log: Path | None = None
    """Where its own words are, when they are not on the terminal."""
    stop_signal: Signals = SIGTERM
    patience: float = 5
    """Seconds from the stop signal to the kill."""
    takes_turns: bool = False
    """Woken, it waits until whoever runs has had his turn (SCHED_BATCH, sched(7))."""
    told_first: bool = False
    """Nothing needs it any longer when the stop begins: told at once, so that it takes no time of
    the others'. Whether it has ended is still seen to in its turn."""


@dataclass(frozen=True)
class Errand:
    """One program that runs to its end before the parts after it are started."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 600


Step = Part | Errand
