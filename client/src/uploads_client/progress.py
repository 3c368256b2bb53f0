"""What a terminal is told while something goes on; nobody else is told anything.

Bars where `rich` is installed, and in words how long is waited, and for what.
"""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from uploads_client.errors import NotReachable, UploadsError
from uploads_client.receipts import plain

if TYPE_CHECKING:
    from uploads_client.bars import Bars

# Shorter waits are over before they are read.
_WORTH_TELLING = 1.0
_LIMITED = 429


class Shown:
    """One file on the terminal, or many: call it with the bytes that went, and the size."""

    def __init__(self, bars: Bars, name: str) -> None:
        self._bars = bars
        self._sending = bars.add_task(name, total=None)
        self._reading = bars.add_task(f"{name} (reading)", total=None, visible=False)

    def __call__(self, done: int, total: int | None) -> None:
        self._bars.update(self._sending, completed=done, total=total)

    def name(self, name: str) -> None:
        """Call it so from now on."""
        self._bars.update(self._sending, description=name)

    def reading(self, done: int, total: int | None) -> None:
        """Likewise of bytes that are read before anything is sent; its line is there until then."""
        over = done == total
        self._bars.update(self._reading, completed=done, total=total, visible=not over)
        self._bars.update(self._sending, visible=over)


class Terminal:
    """The terminal of one run of the command, if it has one and is `wanted`. Threads share it."""

    def __init__(self, wanted: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._wanted = wanted and sys.stderr.isatty()
        self._clock = clock
        self._lock = threading.Lock()
        self._waits: list[tuple[float, str]] = []
        self._awaited: tuple[float, str] | None = None
        self._live = self._lacks_told = False

    def waits(self, seconds: float, error: UploadsError) -> None:
        """For so long, for that reason, nothing is tried again."""
        if not self._wanted or seconds < _WORTH_TELLING:
            return
        now = self._clock()
        with self._lock:
            told = [one for one in self._waits if one[0] > now]
            self._waits = [*told, (now + seconds, _reason(error))]
            if not self._live and not told:
                print(f"uploads-client: {self.words()}", file=sys.stderr)

    def words(self) -> str | None:
        """What is waited for now, and how long it still takes: of many waits, the first to end."""
        now = self._clock()
        if waits := [one for one in self._waits if one[0] > now]:
            end, reason = min(waits)
            return f"{reason} {_duration(end - now)}."
        if self._awaited is not None:
            return f"{self._awaited[1]} {_duration(now - self._awaited[0])}"
        return None

    @contextmanager
    def bar(self, name: str) -> Iterator[Shown | None]:
        """What to call with the bytes that went, and the size; None where nothing is shown."""
        with self._bars() as bars:
            if bars is None:
                self._say_what_is_missing()
            yield None if bars is None else Shown(bars, plain(name))

    @contextmanager
    def awaiting(self, name: str) -> Iterator[None]:
        """Say in this block whose verdict is waited for, and since when."""
        self._awaited = self._clock(), f"Waiting for the verdict of {plain(name)}:"
        try:
            with self._bars():
                yield
        finally:
            self._awaited = None

    @contextmanager
    def _bars(self) -> Iterator[Bars | None]:
        if not self._wanted:
            yield None
            return
        try:
            from uploads_client.bars import Bars
        except ImportError:
            yield None
            return
        with Bars(self.words) as bars:
            self._live = True
            try:
                yield bars
            finally:
                self._live = False

    def _say_what_is_missing(self) -> None:
        if self._wanted and not self._lacks_told:
            self._lacks_told = True
            words = "uploads-client: for a progress bar: pip install 'uploads-client[cli]'"
            print(words, file=sys.stderr)


def _reason(error: UploadsError) -> str:
    if error.status == _LIMITED:
        return "Too many requests for now. The service asks to wait; it goes on in"
    if isinstance(error, NotReachable):
        return "No answer. Tries again in"
    if error.retry_after is not None:
        return "The service cannot do it now and asks to wait; it goes on in"
    return "The service has trouble. Tries again in"


def _duration(seconds: float) -> str:
    whole = math.ceil(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60} s"
