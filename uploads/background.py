"""A thread beside a process's work, which nobody starts before there is some to do."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Background:
    """`work` goes on for ever in a daemon thread called `name`, from the first `start` on.

    So a process that forks has none before, and each that was forked has its own.
    """

    def __init__(self, name: str, work: Callable[[], None]) -> None:
        self._name = name
        self._work = work
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """See that it runs; quiet when it does."""
        if self._thread is not None:
            return
        with self._starting:
            if self._thread is None:
                thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                thread.start()
                self._thread = thread
