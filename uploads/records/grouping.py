"""SQLite among greenlets: one real thread writes, a few read, and writes that wait share a commit.

A greenlet that yields inside a transaction would stop the whole process: the next one waits in C
for a lock that only the first can give back. So transactions run on threads of their own. While
one commit waits for the disk, further units gather, and the next commit takes them all. Each runs
in a savepoint, so that one that fails takes nothing of the others with it; none is told of its
success before the commit.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from uploads.documents.errors import RecordsUnavailable
from uploads.lanes import Errand, Lane, NoTurn, among_greenlets, begun
from uploads.records.engine import alone_options, begin_options

T = TypeVar("T")

READERS = 2
_TOGETHER = 64
_NEAR_MS = 20
_log = structlog.get_logger(__name__)


class Grouped:
    """Runs acts on connections of `engine`; `seconds` is the longest wait for a turn."""

    def __init__(self, engine: Engine, seconds: float) -> None:
        self._engine = engine
        self._seconds = seconds
        self._writer = Lane(1, lambda more: self._serve(more, _TOGETHER, writes=True))
        self._near: Connection | None = None
        self._readers = Lane(READERS, lambda more: self._serve(more, 1, writes=False))

    def run(self, act: Callable[[Connection], T], *, writes: bool) -> T:
        """One attempt of a unit, committed when this returns. Raises what the act raises."""
        lane = self._writer if writes else self._readers
        try:
            return lane.do(act, self._seconds)
        except NoTurn as error:
            raise RecordsUnavailable("units of this process queue for too long") from error

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
        self._writer.close()
        self._readers.close()

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

    def _serve(self, more: Callable[[int], list[Errand[Any]]], most: int, *, writes: bool) -> None:
        """The life of one thread: a connection, and anew after a failure that may have hurt it."""
        while True:
            waiting = more(most)
            if not waiting:
                return
            try:
                connection = self._connect(writes=writes)
            except BaseException as error:  # noqa: BLE001 -- told to whoever waits
                _fail(begun(waiting), error)
                continue
            with closing(connection):
                while waiting and _served(connection, begun(waiting)):
                    waiting = more(most)
            if not waiting:
                return

    def _connect(self, *, writes: bool) -> Connection:
        connection = self._engine.connect().execution_options(**begin_options(writes=writes))
        driver: Any = connection.connection.driver_connection
        # What a savepoint would restore: of more than some fifteen pages it would make a file.
        driver.execute("PRAGMA temp_store=MEMORY")
        return connection


def _served(connection: Connection, errands: list[Errand[Any]]) -> bool:
    """Do them; false when the connection should not be used again."""
    if len(errands) <= 1:
        return all(_alone(connection, errand) for errand in errands)
    try:
        transaction = connection.begin()
    except SQLAlchemyError as error:
        # Somebody else writes for too long: it is not waited for once more for each of them.
        _fail(errands, error)
        return False
    try:
        with transaction:
            outcomes = [_apart(connection, errand) for errand in errands]
    except BaseException as error:  # noqa: BLE001 -- a full disk: each hears of it by itself
        _log.info("group_broken", size=len(errands), cause=type(error).__name__)
        # Nothing of it is committed: each runs again, in a transaction of its own.
        for errand in errands:
            _alone(connection, errand)
        return False
    for errand, (value, failure) in zip(errands, outcomes, strict=True):
        if failure is None:
            errand.done(value)
        else:
            errand.failed(failure)
    return True


def _alone(connection: Connection, errand: Errand[Any]) -> bool:
    try:
        with connection.begin():
            value = errand.act(connection)
    except BaseException as error:  # noqa: BLE001 -- raised again where it is waited for
        errand.failed(error)
        return not isinstance(error, SQLAlchemyError)
    errand.done(value)
    return True


def _apart(connection: Connection, errand: Errand[Any]) -> tuple[Any, Exception | None]:
    """One unit among others, in a savepoint; what it raises undoes this unit alone.

    The driver is asked directly: a savepoint of SQLAlchemy's costs as much as the unit.
    """
    driver: Any = connection.connection.driver_connection
    driver.execute("SAVEPOINT unit")
    try:
        value, failure = errand.act(connection), None
    except Exception as error:  # noqa: BLE001 -- raised again where it is waited for
        # Fails too where SQLite has given up the whole transaction, and so does the group.
        driver.execute("ROLLBACK TO unit")
        value, failure = None, error
    driver.execute("RELEASE unit")
    return value, failure


def _fail(errands: list[Errand[Any]], error: BaseException) -> None:
    for errand in errands:
        errand.failed(error)
