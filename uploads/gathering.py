"""What many have to tell and nobody waits for: gathered, and sent by a thread of its own."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from uploads.background import Background

T = TypeVar("T")


class Gathering(Generic[T]):
    """Hands what is added to `send`, after `seconds` and at most `together` at a time, in order.

    `send` must not raise. Of more than `most` that wait the oldest are lost. The thread, which
    starts when it is needed, is called `name`.
    """

    def __init__(
        self,
        name: str,
        send: Callable[[list[T]], None],
        *,
        seconds: float,
        together: int,
        most: int | None = None,
    ) -> None:
        self._send = send
        self._seconds = seconds
        self._together = together
        self._waiting: deque[T] = deque(maxlen=most)
        self._some = threading.Event()
        self._sender = Background(name, self._send_all)

    def add(self, one: T) -> None:
        self._waiting.append(one)
        self._sender.start()
        self._some.set()

    def take(self) -> list[T]:
        """Some of what waits, for whoever can send it at once."""
        found: list[T] = []
        try:
            for _ in range(min(len(self._waiting), self._together)):
                found.append(self._waiting.popleft())
        except IndexError:  # the rest was taken by another thread meanwhile
            pass
        return found

    def _send_all(self) -> None:
        while True:
            self._some.wait()
            self._some.clear()
            time.sleep(self._seconds)
            while batch := self.take():
                self._send(batch)
