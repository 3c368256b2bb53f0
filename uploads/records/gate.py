"""The door that every unit of work passes: writers in turn, and nobody inside during a fork.

SQLite keeps the locks of a file in memory that all connections of a process share. A child that
is forked while one is open inherits that memory without the locks themselves: it believes that it
holds them, and another process may delete the write-ahead log under it. So none is open then.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from uploads.documents.errors import RecordsUnavailable


class Gate:
    """`one_writer` for a database that has only one at a time; `seconds` is the longest wait.

    SQLite's own waiting is a lottery: with many threads, one can lose until its time is up.
    Within a process writers therefore queue here; what is left to it are a few processes.
    """

    def __init__(self, seconds: float, *, one_writer: bool) -> None:
        self._seconds = seconds
        self._turn = threading.Lock() if one_writer else None
        self._changed = threading.Condition()
        self._inside = 0
        self._shut = False

    @contextmanager
    def passed(self, *, writes: bool) -> Iterator[None]:
        """Be inside for one attempt of a unit. Raises RecordsUnavailable after too long a wait."""
        turn = self._turn if writes else None
        if turn is not None and not turn.acquire(timeout=self._seconds):
            raise RecordsUnavailable("writers of this process queue for too long")
        try:
            self._enter()
            try:
                yield
            finally:
                self._leave()
        finally:
            if turn is not None:
                turn.release()

    def shut(self) -> None:
        """Let nobody in, and wait until those inside have left, though not for ever."""
        with self._changed:
            self._shut = True
            self._changed.wait_for(lambda: self._inside == 0, self._seconds)

    def open(self) -> None:
        with self._changed:
            self._shut = False
            self._changed.notify_all()

    def _enter(self) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: not self._shut, self._seconds):
                raise RecordsUnavailable("a fork takes too long")
            self._inside += 1

    def _leave(self) -> None:
        with self._changed:
            self._inside -= 1
            self._changed.notify_all()
