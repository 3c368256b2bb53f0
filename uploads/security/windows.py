"""How often, how much and how many at once: the decision, and the counters in this process.

A window counts units (requests or bytes) in buckets of a tenth of its length; a bucket counts until
all of it has left the window. So no stretch of a window's length ever holds more than the limit,
its edge included, and a unit is given back at most a tenth later than it could be. A place is held
by one upload from its beginning to its end; it ends by itself when nobody renews it.

Knows neither HTTP nor Redis. `security.shared_counts` makes the same decisions for all processes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

BUCKETS = 10
PLACE_SECONDS = 180  # longer than any silence that a body is allowed
CALLERS = 1024  # so many have what is made of their limits kept
_FORGET_EVERY = 1024  # entries


@dataclass(frozen=True, slots=True)
class Window:
    """At most `most` units within `seconds` for `key`; entering costs `cost` of them.

    A cost of 0 only asks whether anything is left, or as much as `asks`: what was read is charged
    afterwards.
    """

    policy: str
    key: str
    most: int
    seconds: int
    cost: int = 1
    asks: int = 0

    @property
    def needs(self) -> int:
        """So much must be left for whoever enters."""
        return max(1, self.cost, self.asks)

    @property
    def bucket_ms(self) -> int:
        return max(1, self.seconds * 1000 // BUCKETS)


@dataclass(frozen=True, slots=True)
class Places:
    """At most `most` uploads at once for `key`."""

    policy: str
    key: str
    most: int


@dataclass(frozen=True, slots=True, eq=False)
class Limits:
    """All that one caller's uploads spend and hold.

    Equal to itself alone, so that what is made of it can be kept under it and found at once.
    """

    windows: Sequence[Window]
    places: Sequence[Places]

    @property
    def charged(self) -> list[Window]:
        """The windows that are charged with what is read."""
        return [window for window in self.windows if not window.cost]


class Entry(NamedTuple):
    """One upload under its limits. `token` is its own name in the places."""

    token: str
    limits: Limits


class Answer(NamedTuple):
    """`refused` is the policy that is exhausted, or None. Of each window: what is left, and the
    milliseconds until there is more."""

    refused: str | None
    wait_ms: int
    left: Sequence[tuple[int, int]]


class Counts(Protocol):
    def enter(self, entry: Entry) -> Answer:
        """Count and take the places, if every limit allows it; otherwise change nothing."""

    def advance(self, entry: Entry, amount: int) -> None:
        """Charge `amount` bytes that were read, and keep the places."""

    def leave(self, entry: Entry, amount: int) -> None:
        """Charge the last bytes and give the places back."""


class LocalCounts:
    """Counters of this process alone, for when those of all processes cannot be reached."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._entries = 0
        self._ends: dict[tuple[str, str], int] = {}
        self._windows: dict[tuple[str, str], dict[int, int]] = {}
        self._places: dict[tuple[str, str], dict[str, int]] = {}

    def enter(self, entry: Entry) -> Answer:
        with self._lock:
            now = self._now()
            self._forget(now)
            left = [self._left(window, now) for window in entry.limits.windows]
            for window, (rest, wait) in zip(entry.limits.windows, left, strict=True):
                if rest < window.needs:
                    return Answer(window.policy, wait, left)
            for places in entry.limits.places:
                held = self._held(places, now)
                if len(held) >= places.most:
                    return Answer(places.policy, 1000, left)
            for window in entry.limits.windows:
                self._charge(window, now, window.cost)
            self._keep(entry, now)
            spent = zip(entry.limits.windows, left, strict=True)
            return Answer(None, 0, [(rest - one.cost, wait) for one, (rest, wait) in spent])

    def advance(self, entry: Entry, amount: int) -> None:
        with self._lock:
            now = self._now()
            for window in entry.limits.charged:
                self._charge(window, now, amount)
            self._keep(entry, now)

    def leave(self, entry: Entry, amount: int) -> None:
        with self._lock:
            now = self._now()
            for window in entry.limits.charged:
                self._charge(window, now, amount)
            for places in entry.limits.places:
                self._places.get(_name(places), {}).pop(entry.token, None)

    def _now(self) -> int:
        return int(self._clock() * 1000)

    def _left(self, window: Window, now: int) -> tuple[int, int]:
        current = now // window.bucket_ms
        kept = self._windows.get(_name(window), {})
        for at in [at for at in kept if at < current - BUCKETS]:
            del kept[at]
        rest, wait = window.most - sum(kept.values()), 0
        needed = rest
        for at in sorted(kept):
            if wait and needed >= window.needs:
                break
            needed += kept[at]
            wait = (at + BUCKETS + 1) * window.bucket_ms - now
        return rest, wait

    def _charge(self, window: Window, now: int, amount: int) -> None:
        if amount:
            kept = self._windows.setdefault(_name(window), {})
            at = now // window.bucket_ms
            self._ends[_name(window)] = (at + BUCKETS + 1) * window.bucket_ms
            kept[at] = kept.get(at, 0) + amount

    def _held(self, places: Places, now: int) -> dict[str, int]:
        held = self._places.get(_name(places), {})
        for token in [token for token, until in held.items() if until <= now]:
            del held[token]
        return held

    def _keep(self, entry: Entry, now: int) -> None:
        for places in entry.limits.places:
            self._places.setdefault(_name(places), {})[entry.token] = now + PLACE_SECONDS * 1000

    def _forget(self, now: int) -> None:
        """Now and then let go of whoever has not been here for a window's length."""
        self._entries += 1
        if self._entries % _FORGET_EVERY == 0:
            for name in [name for name, end in self._ends.items() if end <= now]:
                del self._ends[name]
                self._windows.pop(name, None)
            self._places = {name: held for name, held in self._places.items() if held}


def _name(one: Window | Places) -> tuple[str, str]:
    return one.policy, one.key
