"""Places for those who wait, counted in this process: so many in all, and so many of one user.

Without the second bound one user would take them all, and everybody else would be sent away.
"""

from __future__ import annotations

import threading
from collections import Counter


class Places:
    """`most` at the same time, `most_of_user` of them one user's."""

    def __init__(self, most: int, most_of_user: int) -> None:
        self._most = most
        self._most_of_user = most_of_user
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()

    def take(self, user_id: str) -> bool:
        """Take one until `leave`; False, and none is taken, where that is one too many."""
        with self._lock:
            if self._taken[user_id] >= self._most_of_user or self._taken.total() >= self._most:
                return False
            self._taken[user_id] += 1
            return True

    def leave(self, user_id: str) -> None:
        """Give back one that was taken."""
        with self._lock:
            self._taken[user_id] -= 1
            if not self._taken[user_id]:
                del self._taken[user_id]
