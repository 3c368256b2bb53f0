"""How many receivers of one owner are called at a time: so many that others always have room.

Of one process: each has its threads, and keeps some of them for everybody else.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """At most `most` visits of one owner's webhooks at a time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._visited: dict[str, int] = {}
        # By owner, in the order in which they came; each once.
        self._waiting: dict[str, dict[str, None]] = {}

    @contextmanager
    def taken(self, owner_id: str, webhook_id: str) -> Iterator[bool]:
        """Whether there is a turn for this webhook; else it waits, until `next_of` names it."""
        taken = self._take(owner_id, webhook_id)
        try:
            yield taken
        finally:
            if taken:
                self._give_back(owner_id)

    def next_of(self, owner_id: str) -> str | None:
        """The webhook of this owner that has waited for longest, where there is a turn for it."""
        with self._lock:
            waiting = self._waiting.get(owner_id)
            if not waiting or self._visited.get(owner_id, 0) >= self._most:
                return None
            webhook_id = next(iter(waiting))
            self._forget(owner_id, webhook_id)
            return webhook_id

    def _take(self, owner_id: str, webhook_id: str) -> bool:
        with self._lock:
            visited = self._visited.get(owner_id, 0)
            if visited >= self._most:
                self._waiting.setdefault(owner_id, {})[webhook_id] = None
                return False
            self._visited[owner_id] = visited + 1
            self._forget(owner_id, webhook_id)
            return True

    def _give_back(self, owner_id: str) -> None:
        with self._lock:
            left = self._visited[owner_id] - 1
            if left:
                self._visited[owner_id] = left
            else:
                del self._visited[owner_id]

    def _forget(self, owner_id: str, webhook_id: str) -> None:
        waiting = self._waiting.get(owner_id, {})
        waiting.pop(webhook_id, None)
        if not waiting:
            self._waiting.pop(owner_id, None)
