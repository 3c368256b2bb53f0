"""Threads that do one thing together, and that nobody who is stopped has to wait for.

Not those of `concurrent.futures`: a program waits for them when it ends, also for one whose request
was read to its end and is never answered.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue

Act = Callable[[], None]
# How long those that can see that they are stopped may take to do so, together.
_SECONDS = 0.5


class Crew:
    """`count` threads that do the same until they have enough; `over` is called by the last.

    The first starts the others. Whoever makes it has it at once, and can stop it when interrupted:
    to start many that are busy already takes as long as the first of what they do.
    """

    def __init__(self, act: Act, count: int, over: Act) -> None:
        self._act, self._left, self._over = act, count, over
        self._lock = threading.Lock()
        self._threads = [_thread(self._work if n else self._lead) for n in range(count)]
        if count:
            self._threads[0].start()
        else:
            over()

    def leave(self) -> None:
        """Wait a little for those that can see that they are stopped, and for no others."""
        _join(self._threads, _SECONDS)

    def _lead(self) -> None:
        for one in self._threads[1:]:
            try:
                one.start()
            except RuntimeError:  # no room for more threads: those that are there do it all
                self._end()
        self._work()

    def _work(self) -> None:
        try:
            self._act()
        finally:
            self._end()

    def _end(self) -> None:
        with self._lock:
            self._left -= 1
            last = not self._left
        if last:
            self._over()


def together(acts: Sequence[Act], at_once: int, stop: threading.Event) -> None:
    """Do these in their order, `at_once` at a time; the first that fails sets `stop` for all.

    So does who interrupts the caller. Those that hang in a connection then are left to it. Raises
    what the first raised.
    """
    waiting: SimpleQueue[Act] = SimpleQueue()
    ended: SimpleQueue[BaseException | None] = SimpleQueue()
    for act in acts:
        waiting.put(act)

    def work() -> None:
        while not stop.is_set():
            try:
                act = waiting.get_nowait()
            except Empty:
                return
            ended.put(_error_of(act))

    crew = [_thread(work) for _ in range(min(at_once, len(acts)))]
    try:
        for one in crew:
            one.start()
        for _ in acts:
            error = ended.get()
            if error is not None:
                raise error
    except BaseException:
        stop.set()
        raise
    finally:
        _join(crew, _SECONDS)


def within(seconds: float, act: Act) -> None:
    """Do this for as long at most; what becomes of it then, and what it raises, nobody hears."""
    alone = _thread(lambda: _error_of(act))
    alone.start()
    _join([alone], seconds)


def _thread(target: Callable[[], object]) -> threading.Thread:
    return threading.Thread(target=target, name="uploads-part", daemon=True)


def _error_of(act: Act) -> BaseException | None:
    try:
        act()
    except BaseException as error:  # noqa: BLE001 - raised again by whoever waits
        return error
    return None


def _join(crew: Sequence[threading.Thread], seconds: float) -> None:
    end = time.monotonic() + seconds
    for one in crew:
        if one.is_alive():
            one.join(max(0.0, end - time.monotonic()))
