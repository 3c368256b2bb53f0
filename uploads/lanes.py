"""Real threads beside the greenlets of a web process, and waiting for them without stopping anyone.

Under gevent everything that waits lets others go on, unless it waits in C: a database file, a
password's hash. Such work is handed to a real thread here. Where gevent has patched nothing, the
same works with plain threads on both sides, so that every test can use it.
"""

from __future__ import annotations

import threading
from _queue import Empty, SimpleQueue
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Generic, TypeVar

import gevent
import gevent.event
from gevent import get_hub, getcurrent, monkey

T = TypeVar("T")

_start_thread = monkey.get_original("_thread", "start_new_thread")
_new_lock = monkey.get_original("_thread", "allocate_lock")


class NoTurn(Exception):
    """Raised when an errand was not begun within its time; nobody will begin it any more."""


def elsewhere(act: Callable[[], T]) -> T:
    """Do this on a real thread while other greenlets go on; here, where there are none."""
    if not among_greenlets():
        return act()
    errand: Errand[T] = Errand(lambda _: act())
    get_hub().threadpool.spawn(errand.run, None)
    return errand.outcome(None)


class Errand(Generic[T]):
    """One act for somebody else, and the place where its outcome is waited for.

    `near` is for one that a greenlet of the same thread does.
    """

    def __init__(self, act: Callable[[Any], T], *, near: bool = False) -> None:
        self.act = act
        self._begun = _new_lock()
        self._wait, self._ring = _near_bell() if near else _bell()
        self._value: T | None = None
        self._error: BaseException | None = None

    def begin(self) -> bool:
        """Whether it is still wanted; true once."""
        return bool(self._begun.acquire(False))

    def run(self, tool: Any) -> None:
        """Do it; what it raises is for whoever waits, and nobody else."""
        try:
            self.done(self.act(tool))
        except BaseException as error:  # noqa: BLE001 -- raised again in `outcome`
            self.failed(error)

    def done(self, value: Any) -> None:
        self._value = value
        self._ring()

    def failed(self, error: BaseException) -> None:
        self._error = error
        self._ring()

    def outcome(self, seconds: float | None) -> T:
        """What it returned or raised. Raises NoTurn when it is not begun within so many seconds."""
        if not self._wait(seconds):
            if self.begin():
                raise NoTurn
            self._wait(None)
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]


class Lane:
    """`threads` real threads that take errands in the order in which they came.

    Each runs `work`, which is handed a function that gives the next errands, up to a number of
    them that wait already, and nothing at the end. They are started with the first errand.
    """

    def __init__(
        self, threads: int, work: Callable[[Callable[[int], list[Errand[Any]]]], None]
    ) -> None:
        self._threads = threads
        self._work = work
        self._queue: SimpleQueue[Errand[Any] | None] = SimpleQueue()
        self._running = 0
        self._ended: SimpleQueue[None] = SimpleQueue()

    def do(self, act: Callable[[Any], T], seconds: float) -> T:
        """Have one of the threads do it; returns and raises what it does, and NoTurn."""
        while self._running < self._threads:
            self._running += 1
            _start_thread(self._run, ())
        errand = Errand(act)
        self._queue.put(errand)
        return errand.outcome(seconds)

    def close(self) -> None:
        """End the threads, once they have done what they were given."""
        for _ in range(self._running):
            self._queue.put(None)
        for _ in range(self._running):
            self._ended.get()
        self._running = 0

    def _run(self) -> None:
        try:
            self._work(self._next)
        finally:
            self._ended.put(None)

    def _next(self, most: int) -> list[Errand[Any]]:
        errand = self._queue.get()
        if errand is None:
            return []
        found = [errand]
        while len(found) < most:
            try:
                errand = self._queue.get_nowait()
            except Empty:
                break
            if errand is None:
                self._queue.put(None)
                break
            found.append(errand)
        return found


class Bench:
    """Where greenlets of one thread leave errands for another of their own kind.

    `work` is handed all that wait, `most` at a time, and must not raise. It may wait itself: what
    comes meanwhile is its next turn. It runs in no caller's greenlet, so whose end is near takes
    nobody else along.
    """

    def __init__(self, most: int, work: Callable[[list[Errand[Any]]], None]) -> None:
        self._most = most
        self._work = work
        self._waiting: deque[Errand[Any]] = deque()
        self._some = gevent.event.Event()
        # Kept while nothing waits: to make one maps memory, and to end it unmaps it.
        self._worker: gevent.Greenlet[..., None] | None = None
        self._closing = False

    def do(self, act: Callable[[Any], T], seconds: float) -> T:
        """Have it done; returns and raises what it does, and NoTurn."""
        errand = Errand(act, near=True)
        self._waiting.append(errand)
        if self._worker is None:
            self._worker = gevent.spawn(self._run)
        self._some.set()
        return errand.outcome(seconds)

    def close(self) -> None:
        """Return when all that was left here is done."""
        worker = self._worker
        if worker is not None:
            self._closing = True
            self._some.set()
            worker.join()

    def _run(self) -> None:
        try:
            while self._waiting or not self._closing:
                self._some.wait()
                self._some.clear()
                self._do_all()
        finally:
            self._worker, self._closing = None, False

    def _do_all(self) -> None:
        while self._waiting:
            some = range(min(self._most, len(self._waiting)))
            errands = begun([self._waiting.popleft() for _ in some])
            if errands:
                self._work(errands)
            gevent.sleep(0)  # whoever has an outcome now goes on first


def begun(errands: Iterable[Errand[Any]]) -> list[Errand[Any]]:
    """Those that somebody still waits for."""
    return [errand for errand in errands if errand.begin()]


def among_greenlets() -> bool:
    """Whether whoever runs here shares this thread with others: gevent has patched threads."""
    return bool(monkey.is_module_patched("threading"))


def _bell() -> tuple[Callable[[float | None], object], Callable[[], None]]:
    """Waiting here, as a greenlet or a thread, and waking from another thread."""
    if not among_greenlets():
        event = threading.Event()
        return event.wait, event.set
    awaited, loop = gevent.event.Event(), get_hub().loop
    return partial(_rung, awaited), lambda: loop.run_callback_threadsafe(awaited.set)


def _near_bell() -> tuple[Callable[[float | None], object], Callable[[], None]]:
    """Waiting and waking among greenlets of one thread."""
    awaited = gevent.event.Event()
    return partial(_rung, awaited), awaited.set


def _rung(awaited: gevent.event.Event, seconds: float | None) -> bool:
    """`Event.wait` without the objects that gevent makes for each bound of time."""
    if seconds is None or awaited.is_set():
        return bool(awaited.wait())
    timer: Any = get_hub().loop.timer(seconds)
    timer.start(getcurrent().throw, TimeoutError, update=True)
    try:
        return bool(awaited.wait())
    except TimeoutError:
        return bool(awaited.is_set())
    finally:
        timer.close()
