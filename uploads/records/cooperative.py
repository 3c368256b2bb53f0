"""PostgreSQL connections that let other greenlets go on while their server works.

psycopg sees that gevent has patched `select`, and then waits with a poll object of its own, made
anew for each statement, which gevent imitates with an event and a timer. To wait in gevent's hub
itself costs a fraction of that. Where nothing is patched psycopg waits in its own way, as long.
"""

from __future__ import annotations

from typing import Any, TypeVar, cast

import psycopg
from gevent import get_hub
from gevent.hub import Waiter
from psycopg.abc import PQGen

from uploads.lanes import among_greenlets

T = TypeVar("T")

# A little longer than the server lets a statement take (`postgresql.py`): one that is stopped, or a
# host that answers for it, acknowledges what is sent and never says a word.
_SILENT_SECONDS = 20.0


class CooperativeConnection(psycopg.Connection[Any]):
    """A connection whose statements are waited for in the hub."""

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """Run a generator of psycopg's to its end, as `psycopg.Connection.wait` does.

        `interval` and `timeout` in seconds; the first is for signals, which gevent sees to.
        Raises OperationalError for a server that is silent for too long; the connection is over.
        """
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        if not among_greenlets():
            return self._wait_alone(gen, interval)
        try:
            wanted = next(gen)
            while True:
                wanted = gen.send(_ready(self.pgconn.socket, wanted))
        except StopIteration as end:
            return cast(T, end.value)
        except TimeoutError as error:
            self.pgconn.finish()
            raise psycopg.OperationalError("the server does not answer") from error

    def set_read_only(self, value: bool | None) -> None:
        """A transaction that may write is begun as the server has them by default: where that is
        read-only, somebody wants it so."""
        super().set_read_only(value or None)

    def _wait_alone(self, gen: PQGen[T], interval: float) -> T:
        """The same in psycopg's own way, where nobody else is on this thread."""
        try:
            return super().wait(gen, interval, _SILENT_SECONDS)
        except psycopg.OperationalError as error:
            if error.sqlstate is None:
                # No word of the server's: it is silent, or gone. What it still says is for nobody.
                self.pgconn.finish()
            raise


def _ready(socket: int, wanted: Any) -> Any:
    """Wait until the socket can be read or written, as wanted; which of them it is.

    psycopg's bits, 1 to read and 2 to write, are libev's as well. Raises TimeoutError.
    """
    hub = get_hub()
    waiter: Any = Waiter(hub)
    watcher = hub.loop.io(socket, int(wanted))
    watcher.start(waiter.switch, pass_events=True)
    timer = hub.loop.timer(_SILENT_SECONDS)
    timer.start(waiter.throw, TimeoutError)
    try:
        return waiter.get()
    finally:
        timer.close()
        watcher.stop()
        watcher.close()
