"""What the records keep of answers that may be asked for again: the protocol, and the value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that names itself: who asks, where, under which key, and what is asked.

    `fingerprint` tells requests under the same key apart.
    """

    caller: str
    route: str
    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered: everything that a second answer needs to be the same."""

    status: int
    content_type: str
    body: str
    location: str | None = None


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier request under the same key; `answer` is None while it is under way."""

    fingerprint: str
    answer: Answer | None


class Answers(Protocol):
    """A request is begun at most once; `at` says whose beginning it is when it ends."""

    def begin(self, asked: Asked, at: datetime, abandoned_before: datetime) -> Earlier | None:
        """Begin, or tell of the earlier request. None is: go ahead.

        A request that began before `abandoned_before` and has no answer died with its process.
        """

    def keep(self, asked: Asked, at: datetime, answer: Answer) -> None:
        """Remember the answer, if this beginning is still the one that counts."""

    def forget(self, asked: Asked, at: datetime) -> None:
        """As if it had never been asked, under the same condition."""

    def remove_before(self, at: datetime) -> int:
        """Forget what began before this; returns how much."""
