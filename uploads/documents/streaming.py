"""Streams of events: what happens to a user's documents, told until somebody goes.

A stream reads the events that were recorded with each move, by number: whoever names the last one
that it saw goes on behind it. Between two of them it only waits. It ends when its credential does,
with the process, and with the one document that it is about, once that is settled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from uploads.documents.errors import NotFound, RateLimited
from uploads.documents.events import Event
from uploads.documents.feed import Feed
from uploads.documents.model import UNSETTLED, Actor
from uploads.documents.places import Places
from uploads.documents.showing import facts_of
from uploads.records.protocol import Records, Work

_AT_ONCE = 100
_COME_AGAIN_SECONDS = 10
_UNSETTLED = {state.value for state in UNSETTLED}


@dataclass(frozen=True, slots=True)
class Begun:
    """The stream begins behind this number. `whole` is false where older events are gone."""

    number: int
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Beat:
    """Nothing happened for a while."""


Told = Begun | Beat | Event


class Streams:
    """`holds` says whether a credential is still good."""

    def __init__(
        self,
        *,
        records: Records,
        feed: Feed,
        holds: Callable[[Actor], bool],
        places: Places,
        beat_seconds: float,
    ) -> None:
        self._records = records
        self._feed = feed
        self._holds = holds
        self._places = places
        self._beat_seconds = beat_seconds

    def open(self, actor: Actor, last_seen: int | None, document_id: str | None = None) -> Stream:
        """A stream of all of the caller's documents, or of one of them.

        Raises NotFound, and RateLimited when there are too many streams. Must be closed.
        """
        number, first = self._records.read(lambda work: _beginning(work, actor, document_id))
        if not self._places.take(actor.user_id):
            raise RateLimited(_COME_AGAIN_SECONDS)
        told = self._told(actor, number, first, last_seen, document_id)
        return Stream(told, lambda: self._places.leave(actor.user_id))

    def _told(
        self,
        actor: Actor,
        number: int,
        first: Event | None,
        last_seen: int | None,
        document_id: str | None,
    ) -> Iterator[Told]:
        over = first is not None and _settled(first)
        # A number that nobody has reached was seen before the database came out of a backup.
        lost = last_seen is not None and last_seen > number
        if last_seen is not None and not lost:
            number, first = last_seen, None
        whole = self._records.read(lambda work: work.events.reach_back_to(actor.user_id, number))
        yield Begun(number, whole and not lost)
        if first is not None:
            yield first
        if over:
            # Of what is settled only what came behind the last one that was seen is told.
            yield from self._next(actor, number, document_id)[0]
            return
        while self._holds(actor):
            events, newest = self._next(actor, number, document_id)
            yield from events
            if document_id is not None and self._is_over(actor, document_id, events):
                return
            number = events[-1].number if len(events) == _AT_ONCE else max(number, newest)
            if self._feed.ending():
                return
            if not events and not self._feed.wait(actor.user_id, number, self._beat_seconds):
                yield Beat()

    def _is_over(self, actor: Actor, document_id: str, events: Sequence[Event]) -> bool:
        """Whether no more will be told of a document; one that died on its way in just goes."""
        if events:
            return _settled(events[-1])
        found = self._records.read(lambda work: work.documents.get(actor.user_id, document_id))
        return found is None

    def _next(
        self, actor: Actor, number: int, document_id: str | None
    ) -> tuple[Sequence[Event], int]:
        """What came after a number, and the number up to which that is all."""

        def unit(work: Work) -> tuple[Sequence[Event], int]:
            # In this order: what comes between the two is found the next time.
            newest = work.events.last(actor.user_id)
            found = work.events.after(actor.user_id, number, _AT_ONCE, document_id)
            return found, max([newest, *(one.number for one in found)])

        return self._records.read(unit)


class Stream:
    """What is told, to be closed by whoever opened it, whether or not it was read."""

    def __init__(self, told: Iterator[Told], leave: Callable[[], None]) -> None:
        self._told = told
        self._leave: Callable[[], None] | None = leave

    def __iter__(self) -> Iterator[Told]:
        return self._told

    def close(self) -> None:
        """Give the place back; closing twice is quiet."""
        leave, self._leave = self._leave, None
        if leave is not None:
            leave()


def _beginning(work: Work, actor: Actor, document_id: str | None) -> tuple[int, Event | None]:
    """The newest number, and for one document how it stands: read after the number, so that
    nothing falls between the two."""
    number = work.events.last(actor.user_id)
    if document_id is None:
        return number, None
    document = work.documents.get(actor.user_id, document_id)
    if document is None:
        raise NotFound
    at = document.updated_at
    return number, Event(actor.user_id, number, document_id, at, facts_of(document))


def _settled(event: Event) -> bool:
    return event.facts["state"] not in _UNSETTLED
