"""Hears one child to its end: bounded in time and bytes, whatever the child does with its pipes.

The end is what the template says of the process, not the end of its output: a child that closes
its pipes and lives on runs into the time limit all the same. Knows nothing of what is said.
"""

from __future__ import annotations

import os
import selectors
import time
from collections.abc import Callable
from typing import Protocol

from workers.sandbox.answer import READY

LOG_LIMIT = 8 * 1024  # bytes of error output that are kept, the last ones
_PIECE = 64 * 1024


class TooMuch(Exception):
    """Raised when a child said more than it may."""


class Waitable(Protocol):
    """What has a descriptor that becomes readable."""

    def fileno(self) -> int: ...


class Listener:
    """Collects a child's `reply` and `log`, two pipes, until `ended` is readable.

    `limit` is in bytes and does not count the ready mark. `passing` is shown what comes after the
    mark and returns what is kept of it; the time that it takes is not the child's.
    """

    def __init__(
        self,
        reply: int,
        log: int,
        ended: Waitable,
        limit: int,
        passing: Callable[[bytes], bytes] = lambda said: said,
    ) -> None:
        self._passing = passing
        self._ready = False
        self._limit = limit + len(READY)
        self._said = bytearray()
        self._log = bytearray()
        self._taken = 0.0
        self._selector = selectors.DefaultSelector()
        self._selector.register(ended, selectors.EVENT_READ)
        for pipe, take in ((reply, self._hear), (log, self._keep)):
            os.set_blocking(pipe, False)
            self._selector.register(pipe, selectors.EVENT_READ, take)

    def wait_ready(self, seconds: float) -> bool:
        """Wait for the ready mark; False when the child ended or the time passed without it."""
        self._listen(seconds, lambda: self._ready)
        return self._ready

    def wait_end(self, seconds: float) -> bool:
        """Wait for the child's death; False when it outlives the time. Raises TooMuch."""
        return self._listen(seconds, lambda: False)

    def reply(self) -> bytes:
        """Return what the child said after the ready mark."""
        return bytes(self._said[len(READY) :])

    def log(self) -> str:
        """Return the last of the child's error output, for the log only."""
        return self._log.decode("utf-8", "backslashreplace").strip()

    def close(self) -> None:
        """Stop listening; the pipes stay with their owner."""
        self._selector.close()

    def _listen(self, seconds: float, heard: Callable[[], bool]) -> bool:
        """Read until `heard` holds or the child is dead; False when the time passed before."""
        deadline = time.monotonic() + seconds
        self._taken = 0.0
        while not heard():
            left = deadline + self._taken - time.monotonic()
            ready = self._selector.select(max(0.0, left))
            for key, _ in ready:
                if key.data is not None:
                    self._read(key)
            if any(key.data is None for key, _ in ready):
                self._drain()
                return True
            if time.monotonic() >= deadline + self._taken:
                return False
        return True

    def _read(self, key: selectors.SelectorKey) -> bool:
        """Take one piece from a pipe; False when there is none for now, or ever."""
        try:
            piece = os.read(key.fd, _PIECE)
        except BlockingIOError:
            return False
        if not piece:
            self._selector.unregister(key.fileobj)
            return False
        key.data(piece)
        return True

    def _drain(self) -> None:
        """Take what a dead child left in its pipes, without waiting for their end."""
        for key in list(self._selector.get_map().values()):
            while key.data is not None and self._read(key):
                pass

    def _hear(self, piece: bytes) -> None:
        if self._ready:
            begun = time.monotonic()
            self._said += self._passing(piece)
            self._taken += time.monotonic() - begun
        else:
            self._said += piece
            if self._said.startswith(READY):
                self._ready = True
                after = bytes(self._said[len(READY) :])
                self._said = bytearray(READY)
                return self._hear(after)
        if len(self._said) > self._limit:
            raise TooMuch
        return None

    def _keep(self, piece: bytes) -> None:
        self._log += piece
        del self._log[:-LOG_LIMIT]
