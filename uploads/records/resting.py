"""A pool of connections that gives those back to the server for which there is no work any more.

Each costs the server a process, and one of `max_connections` that workers and commands need too.
"""

from __future__ import annotations

import logging
import time

from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

# SQLAlchemy tells of each connection under the name of the pool's class; its own are quiet.
logging.getLogger(__name__).setLevel(logging.WARNING)
_REST_SECONDS = 60.0
_SINCE = "uploads_resting_since"


class RestingPool(QueuePool):
    """Hands out what was used last; with each that comes back, one that rested too long is closed.

    For a pool whose `use_lifo` is true: those that rest longest are then at one end.
    """

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        now = time.monotonic()
        record.info[_SINCE] = now
        super()._do_return_conn(record)
        resting = self._pool
        with resting.mutex:  # type: ignore[attr-defined]
            idle = resting.queue  # type: ignore[attr-defined]
            if not idle or now - idle[0].info.get(_SINCE, now) < _REST_SECONDS:
                return
            longest = idle.popleft()
        try:
            longest.close()
        finally:
            self._dec_overflow()
