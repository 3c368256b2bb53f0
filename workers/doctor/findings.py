"""What a look at a part found, in words for operators. Plain values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """`gap`: the part cannot do it, and the service does without. The worse come later."""

    OK = "ok"
    GAP = "gap"
    DEGRADED = "degraded"
    BROKEN = "broken"


_EXIT_CODES = {State.OK: 0, State.GAP: 0, State.DEGRADED: 1, State.BROKEN: 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: which part, what of it was tried, what was found, and what follows from it.

    `follows` is what the service does about it, or what the operator should; empty where all is
    well. `tried` is False where it could not be found out: nobody answered, or not in time.
    """

    part: str
    name: str
    state: State
    found: str
    follows: str = ""
    tried: bool = True


def exit_code(findings: Iterable[Finding]) -> int:
    """0 all is well, 1 something is worse than it should be, 2 something does not work."""
    return max((_EXIT_CODES[one.state] for one in findings), default=0)
