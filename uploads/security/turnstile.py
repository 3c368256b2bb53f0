"""Lets uploads in: by the counters of all processes, and without them by those of this one.

Never unlimited: while Redis is away each process allows its share of every limit.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import structlog
from redis import RedisError

from uploads.security.windows import BUCKETS, Answer, Counts, Entry, Limits, Window

_AWAY_SECONDS = 5.0  # how long a Redis that did not answer is not asked again
_STEP_BYTES = 16 * 1024 * 1024
_STEP_SECONDS = 30.0
_log = structlog.get_logger(__name__)


class Ticket:
    """One upload that was let in. Its bytes are charged while they are read, and at its end."""

    def __init__(
        self, counts: Counts, entry: Entry, answer: Answer, clock: Callable[[], float]
    ) -> None:
        self.answer = answer
        self.entry = entry
        self._counts = counts
        self._clock = clock
        self._unpaid = 0
        self._paid_at = clock()
        self._left = False

    def read(self, amount: int) -> None:
        """So many bytes more were read of the body."""
        self._unpaid += amount
        due = self._unpaid >= _STEP_BYTES or self._clock() - self._paid_at >= _STEP_SECONDS
        if due and not self._left:
            self._pay(self._counts.advance)

    def charge(self, amount: int) -> None:
        """Charge bytes of which none is read here, tell them as spent, and end."""
        told = zip(self.entry.limits.windows, self.answer.left, strict=True)
        left = [one if window.cost else _spent(window, one, amount) for window, one in told]
        self.answer = self.answer._replace(left=left)
        self._unpaid += amount
        self.leave()

    def leave(self) -> None:
        """The upload has ended, well or not. Leaving twice is quiet."""
        if not self._left:
            self._left = True
            self._pay(self._counts.leave)

    def _pay(self, charge: Callable[[Entry, int], None]) -> None:
        """Charge what was read. When Redis is away it is not made up for: places end by themselves,
        and the process counts what comes meanwhile."""
        amount, self._unpaid, self._paid_at = self._unpaid, 0, self._clock()
        try:
            charge(self.entry, amount)
        except RedisError as error:
            _log.warning("upload_not_charged", bytes=amount, cause=type(error).__name__)


def _spent(window: Window, left: tuple[int, int], amount: int) -> tuple[int, int]:
    """What is left of a window after this; where nothing was spent before, it is the next to go."""
    rest, wait = left
    return rest - amount, wait or (BUCKETS + 1) * window.bucket_ms


class Turnstile:
    """`shares` is the number of processes that a limit is divided by when each counts alone."""

    def __init__(
        self,
        shared: Counts,
        local: Counts,
        *,
        shares: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shared = shared
        self._local = local
        self._shares = max(1, shares)
        self._clock = clock
        self._away_until = 0.0
        self._lock = threading.Lock()

    def enter(self, entry: Entry) -> Ticket:
        """Ask for one upload; whether it was let in is in the ticket's answer."""
        if self._clock() >= self._away_until:
            try:
                return Ticket(self._shared, entry, self._shared.enter(entry), self._clock)
            except RedisError as error:
                self._away(error)
        own = self._share(entry)
        return Ticket(self._local, own, self._local.enter(own), self._clock)

    def _away(self, error: RedisError) -> None:
        with self._lock:
            self._away_until = self._clock() + _AWAY_SECONDS
        _log.warning("uploads_counted_alone", cause=type(error).__name__)

    def _share(self, entry: Entry) -> Entry:
        windows = [replace(one, most=-(-one.most // self._shares)) for one in entry.limits.windows]
        places = [replace(one, most=-(-one.most // self._shares)) for one in entry.limits.places]
        return Entry(entry.token, Limits(windows, places))
