"""Asking for what may take longer than its asker can wait: a part that hangs, and says nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Late(Exception):
    """Raised when no answer came in time; what was asked for goes on."""


class Asked(Generic[T]):
    """One act under way, on a greenlet or a thread of its own."""

    def __init__(self, act: Callable[[], T]) -> None:
        self._act = act
        self._ended = threading.Event()
        self._value: T | None = None
        self._error: Exception | None = None
        threading.Thread(target=self._do, daemon=True).start()

    @property
    def ended(self) -> bool:
        return self._ended.is_set()

    def outcome(self, seconds: float) -> T:
        """What it returned or raised. Raises Late when it takes longer from now on."""
        if not self._ended.wait(seconds):
            raise Late
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]

    def _do(self) -> None:
        try:
            self._value = self._act()
        except Exception as error:  # noqa: BLE001 -- raised again where it is waited for
            self._error = error
        finally:
            self._ended.set()


class Bounded(Generic[T]):
    """An act that is under way once at the most: who asks meanwhile is told of that one.

    So what hangs holds one connection, however often it is asked for.
    """

    def __init__(self, act: Callable[[], T]) -> None:
        self._act = act
        self._turn = threading.Lock()
        self._asked: Asked[T] | None = None

    def begin(self) -> Asked[T]:
        """Have it done, unless it is being done."""
        with self._turn:
            if self._asked is None or self._asked.ended:
                self._asked = Asked(self._act)
            return self._asked
