"""SQLite among greenlets: one writes, real threads read, and writes that wait share a commit.

Two greenlets in transactions would stop the whole process: the second one waits in C for a lock
that only the first can give back. So one writes for all. Its statements take microseconds each and
run where all greenlets do: on a thread of its own each would give the interpreter away and wait to
get it back. A thread waits for what takes long, another process that writes and the disk. While
one commit waits for the disk further units gather, and the next commit takes them all.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from uploads.documents.errors import RecordsUnavailable
from uploads.lanes import Bench, Errand, Lane, NoTurn, among_greenlets, begun
from uploads.records.engine import alone_options, begin_options
from uploads.records.writing import Pen, fail, served

T = TypeVar("T")

READERS = 2
_TOGETHER = 64
_NEAR_MS = 20


class Grouped:
    """Runs acts on connections of `engine`; `seconds` is the longest wait for a turn."""

    def __init__(self, engine: Engine, seconds: float) -> None:
        self._engine = engine
        self._seconds = seconds
        self._writer = Lane(1, self._write)
        self._bench = Bench(_TOGETHER, self._write_together)
        self._waiter = Lane(1, self._wait)
        self._pen: Pen | None = None
        self._near: Connection | None = None
        self._readers = Lane(READERS, self._read)

    def run(self, act: Callable[[Connection], T], *, writes: bool) -> T:
        """One attempt of a unit, committed when this returns. Raises what the act raises."""
        writer = self._bench if among_greenlets() else self._writer
        try:
            return (writer if writes else self._readers).do(act, self._seconds)
        except NoTurn as error:
            raise RecordsUnavailable("units of this process queue for too long") from error

    def at_length(self, act: Callable[[Connection], T]) -> Callable[[Connection], T]:
        """The same act for `run`, where it may take longer than other greenlets should wait."""
        if not among_greenlets():
            return act
        return lambda connection: self._waiter.do(lambda _: act(connection), self._seconds)

    def glance(self, act: Callable[[Connection], T]) -> T:
        """Read a few rows by their keys in one statement, at once and on this very thread.

        A reader waits for nobody in SQLite's WAL mode, and a few pages take less time than to
        change threads twice. Raises what the act raises.
        """
        if not among_greenlets():
            return self.run(act, writes=False)
        if self._near is None:
            self._near = self._connect_near()
        try:
            return act(self._near)
        except SQLAlchemyError:
            self._leave()
            raise

    def close(self) -> None:
        self._leave()
        self._bench.close()
        self._waiter.close()
        self._writer.close()
        self._readers.close()
        self._put_down()

    def _connect_near(self) -> Connection:
        near = self._engine.connect().execution_options(**alone_options(self._engine))
        driver: Any = near.connection.driver_connection
        driver.execute("PRAGMA query_only=ON")
        # Where there is something to wait for after all, other greenlets go on meanwhile.
        driver.execute(f"PRAGMA busy_timeout={_NEAR_MS}")
        return near

    def _leave(self) -> None:
        """Never back to the pool: the others wait longer."""
        near, self._near = self._near, None
        if near is not None:
            near.invalidate()
            near.close()

    def _read(self, more: Callable[[int], list[Errand[Any]]]) -> None:
        """The life of a reader: a connection, and anew after a failure that may have hurt it."""
        while waiting := more(1):
            try:
                connection = self._engine.connect().execution_options(**begin_options(writes=False))
            except BaseException as error:  # noqa: BLE001 -- told to whoever waits
                fail(begun(waiting), error)
                continue
            with closing(connection):
                while waiting and all(_looked(connection, errand) for errand in begun(waiting)):
                    waiting = more(1)
            if not waiting:
                return

    def _write(self, more: Callable[[int], list[Errand[Any]]]) -> None:
        """The life of the writer where there are no greenlets."""
        while waiting := more(_TOGETHER):
            if errands := begun(waiting):
                self._write_together(errands)
        self._put_down()

    def _wait(self, more: Callable[[int], list[Errand[Any]]]) -> None:
        """The life of the thread that waits for what the writer among greenlets would wait for."""
        while waiting := more(1):
            for errand in begun(waiting):
                errand.run(None)

    def _write_together(self, errands: list[Errand[Any]]) -> None:
        try:
            if self._pen is None:
                self._pen = Pen(self._engine, self._elsewhere if among_greenlets() else None)
        except BaseException as error:  # noqa: BLE001 -- told to whoever waits
            fail(errands, error)
            return
        if not served(self._pen, errands):
            self._put_down()

    def _elsewhere(self, act: Callable[[], None]) -> None:
        self._waiter.do(lambda _: act(), self._seconds)

    def _put_down(self) -> None:
        """The next group has another pen."""
        pen, self._pen = self._pen, None
        if pen is not None:
            pen.close()


def _looked(connection: Connection, errand: Errand[Any]) -> bool:
    """Run a unit that reads; false when the connection should not be used again."""
    try:
        with connection.begin():
            value = errand.act(connection)
    except BaseException as error:  # noqa: BLE001 -- raised again where it is waited for
        errand.failed(error)
        return not isinstance(error, SQLAlchemyError)
    errand.done(value)
    return True
