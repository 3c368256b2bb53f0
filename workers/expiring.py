"""Documents whose time is over: their state changes with the moment, their bytes go after it.

What lists, events and webhooks say is the state, so it is changed by the sweep, within seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from uploads.documents.library import announce_bytes
from uploads.documents.model import Document, State
from uploads.records.protocol import Records, Work

# A commit holds up whoever else would write, a sweep those that follow: the next one goes on.
_AT_ONCE = 100
_ROUNDS = 10


class Expirer:
    """Ends what has outlived the time that its owner gave it."""

    def __init__(self, *, records: Records, clock: Callable[[], datetime]) -> None:
        self._records = records
        self._clock = clock

    def expire_due(self) -> int:
        """End documents that are due, a thousand at most; returns how many.

        Where none is due this is one look at one index. Raises RecordsUnavailable.
        """
        done = 0
        for _ in range(_ROUNDS):
            now = self._clock()
            if not self._records.read(lambda work: work.documents.overdue(now, 1)):  # noqa: B023
                break
            done += self._records.write(lambda work: _expire_some(work, now))  # noqa: B023
        return done


def _expire_some(work: Work, now: datetime) -> int:
    return sum(expire(work, one, now) for one in work.documents.overdue(now, _AT_ONCE))


def expire(work: Work, document: Document, now: datetime) -> bool:
    """End a document, its job and its links, and announce its bytes.

    False where it is not as it was read: its owner may have put its end off, or its bytes are
    elsewhere. What is still due then is found the next time.
    """
    work.quarantine.hold(document.id)
    if work.documents.find(document.id) != document:
        return False
    gone = {"clean_key": None, "quarantine_key": None}
    work.documents.move(document.id, {document.state}, State.EXPIRED, now, **gone)
    work.jobs.cancel(document.id)
    work.links.end_of(document.id, now)
    announce_bytes(work, document, now)
    return True
