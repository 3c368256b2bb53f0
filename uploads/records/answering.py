"""What the records keep of answers that may be asked for again: the protocol, and the value."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, Protocol


class Asked(NamedTuple):
    """One request that names itself: who asks, where, under which key, and what is asked.

    Its names, and those of `Answer`, are the table's.

    `fingerprint` tells requests under the same key apart; it may be empty until the answer is kept.
    """

    caller: str
    route: str
    key: str
    fingerprint: str


class Answer(NamedTuple):
    """What was answered: everything that a second answer needs to be the same."""

    status: int
    content_type: str
    body: str
    location: str | None = None


class Earlier(NamedTuple):
    """An earlier request under the same key; `answer` is None while it is under way."""

    fingerprint: str
    answer: Answer | None


class Answers(Protocol):
    """A request is begun at most once; `at` says whose beginning it is when it ends."""

    def begin(self, asked: Asked, at: datetime, abandoned_before: datetime) -> Earlier | None:
        """Begin, or tell of the earlier request. None is: go ahead.

        A request that began before `abandoned_before` and has no answer died with its process.
        """

    def find(self, asked: Asked) -> Earlier | None:
        """The request that has begun under this key, if any has."""

    def renew(self, asked: Asked, at: datetime, now: datetime) -> bool:
        """It is alive: from `now` on as if begun then. Whether that beginning still counted."""

    def keep(self, asked: Asked, at: datetime, answer: Answer) -> bool:
        """Remember the answer and the fingerprint, under the same condition; whether it held."""

    def enter(self, asked: Asked, at: datetime, answer: Answer) -> bool:
        """The same of a request that may not have begun; false where another one has."""

    def forget(self, asked: Asked, at: datetime) -> None:
        """As if it had never been asked, under the same condition; an answer that is kept stays."""

    def withdraw(self, asked: Asked, at: datetime) -> None:
        """The same, of an answer too: what it tells of was undone."""

    def remove_before(self, at: datetime) -> int:
        """Forget what began before this; returns how much."""
