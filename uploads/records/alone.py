"""PostgreSQL, one statement at a time: each a transaction of its own, a single way there and back.

BEGIN and COMMIT would be two more. The connections that do this are kept as they are: to have one
out of the pool, to set it up for this and to give it back clean costs more than the statement.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from contextlib import suppress
from select import POLLIN
from typing import Any, TypeVar

from gevent import monkey
from sqlalchemy import Connection, Engine, Pool
from sqlalchemy.exc import SQLAlchemyError

from uploads.records.engine import alone_options

T = TypeVar("T")

# So much of a pool; the others are for units of several statements.
_SHARE = 2 / 5
_new_poll = monkey.get_original("select", "poll")


class Alone:
    """Runs acts of one statement on connections of `engine`.

    `inherited` are pools of a parent process, whose connections are left as they are.
    """

    def __init__(self, engine: Engine, inherited: Collection[object]) -> None:
        self._engine = engine
        self._inherited = inherited
        self._idle: deque[tuple[Pool, Connection]] = deque()
        pool: Any = engine.pool
        self._most_idle = max(1, int(pool.size() * _SHARE))

    def read(self, act: Callable[[Connection], T]) -> T:
        """One attempt, which may be repeated whatever it raises. Raises what the act raises."""
        return self._run(act, self._take())

    def write(self, act: Callable[[Connection], T]) -> T:
        """One attempt, committed when this returns. Raises what the act raises.

        Where the connection breaks meanwhile nobody knows what became of it. So none is used that
        broke before.
        """
        pool, connection = self._take()
        while _has_words(connection):
            connection.invalidate()
            self._end(pool, connection)
            pool, connection = self._take()
        return self._run(act, (pool, connection))

    def close(self) -> None:
        """Give back all that are idle."""
        with suppress(IndexError):
            while True:
                self._end(*self._idle.pop())

    def _run(self, act: Callable[[Connection], T], taken: tuple[Pool, Connection]) -> T:
        pool, connection = taken
        try:
            value = act(connection)
        except SQLAlchemyError:
            # Where one was lost, so were those that lay idle beside it.
            if connection.invalidated:
                self.close()
            self._end(pool, connection)
            raise
        except BaseException:
            self._end(pool, connection)
            raise
        if pool is self._engine.pool and len(self._idle) < self._most_idle:
            self._idle.append(taken)
        else:
            self._end(pool, connection)
        return value

    def _take(self) -> tuple[Pool, Connection]:
        with suppress(IndexError):
            return self._idle.pop()
        pool = self._engine.pool
        return pool, self._engine.connect().execution_options(**alone_options(self._engine))

    def _end(self, pool: Pool, connection: Connection) -> None:
        connection.close()
        # Closed meanwhile: it went back into a pool that nobody closes any more.
        if pool is not self._engine.pool and pool not in self._inherited:
            pool.dispose()


def _has_words(connection: Connection) -> bool:
    """Whether the server said something unasked: mostly that it ends the connection."""
    driver: Any = connection.connection.driver_connection
    poll = _new_poll()
    poll.register(driver.pgconn.socket, POLLIN)
    return bool(poll.poll(0))
