"""Waiting for something to happen to an owner's documents: one look for all who wait.

It looks at the database, which every process shares: so it holds without Redis and without a lost
notification. A thread that lives while somebody waits asks ten times a second, in one query, which
number the newest event of each owner has that is waited for; who waits holds no connection.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from uploads.documents.errors import Unavailable
from uploads.records.protocol import Records

_LOOK_SECONDS = 0.1
_TROUBLE_SECONDS = 1.0
_log = structlog.get_logger(__name__)


@dataclass(eq=False, slots=True)
class _Waiter:
    owner_id: str
    number: int
    called: threading.Event = field(default_factory=threading.Event)
    news: bool = False


class Feed:
    """`ending` says that the process is about to stop; then nobody waits any more."""

    def __init__(self, records: Records, ending: Callable[[], bool] = lambda: False) -> None:
        self._records = records
        self.ending = ending
        self._lock = threading.Lock()
        self._waiters: set[_Waiter] = set()
        self._looks = False

    def wait(self, owner_id: str, number: int, seconds: float) -> bool:
        """Whether the owner has an event with a higher number, as soon as or after `seconds`."""
        waiter = _Waiter(owner_id, number)
        with self._lock:
            self._waiters.add(waiter)
            if not self._looks:
                self._looks = True
                threading.Thread(target=self._look, name="feed", daemon=True).start()
        try:
            waiter.called.wait(seconds)
            return waiter.news
        finally:
            with self._lock:
                self._waiters.discard(waiter)

    def _look(self) -> None:
        """The life of the thread: as long as somebody waits."""
        while waiters := self._present():
            pause = _LOOK_SECONDS
            try:
                owners = sorted({one.owner_id for one in waiters})
                lasts = self._records.glance(lambda work: work.events.lasts(owners))  # noqa: B023
            except Unavailable as error:
                _log.warning("feed_blind", cause=error.cause)
                lasts, pause = {}, _TROUBLE_SECONDS
            except Exception:  # noqa: BLE001 -- whoever waits is woken by nobody else
                _log.exception("feed_failed")
                lasts, pause = {}, _TROUBLE_SECONDS
            for one in waiters:
                one.news = lasts.get(one.owner_id, 0) > one.number
                if one.news or self.ending():
                    one.called.set()
            time.sleep(pause)

    def _present(self) -> list[_Waiter]:
        with self._lock:
            self._looks = bool(self._waiters)
            return list(self._waiters)
