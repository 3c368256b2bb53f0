"""Units that share one transaction of SQLite's, each in a savepoint of its own.

One that fails takes nothing of the others with it; none is told of its success before the commit.
The driver is asked directly: a transaction of SQLAlchemy's costs as much as a unit.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from uploads.lanes import Errand
from uploads.records.engine import LOCK_SECONDS, alone_options, command

_log = structlog.get_logger(__name__)


class Pen:
    """A connection that writes, with transactions of its own.

    What waits in C, for another process or for the disk, is done through `elsewhere`, which
    returns when it is done and raises what it raises. Raises SQLAlchemyError, like all of this.
    """

    def __init__(
        self, engine: Engine, elsewhere: Callable[[Callable[[], None]], None] | None = None
    ) -> None:
        self.connection: Connection = engine.connect().execution_options(**alone_options(engine))
        driver: Any = self.connection.connection.driver_connection
        command(driver, "PRAGMA query_only=OFF")
        # What a savepoint would restore: of more than some fifteen pages it would make a file.
        command(driver, "PRAGMA temp_store=MEMORY")
        self._driver = driver
        self._elsewhere = elsewhere
        self._be_patient(elsewhere is None)

    def begin(self) -> None:
        """Become the one who writes, however long it takes within SQLite's patience."""
        if self._elsewhere is None:
            command(self._driver, "BEGIN IMMEDIATE")
            return
        try:
            self._driver.execute("BEGIN IMMEDIATE")
        except sqlite3.Error:
            # Mostly because another process writes. If not, it fails there as well.
            self._elsewhere(self._begin_patiently)

    def commit(self) -> None:
        """All is on the disk when this returns."""
        if self._elsewhere is None:
            command(self._driver, "COMMIT")
        else:
            self._elsewhere(lambda: command(self._driver, "COMMIT"))

    def roll_back(self) -> None:
        """Undo what is not committed; quiet where SQLite has given up all of it by itself."""
        if self._driver.in_transaction:
            command(self._driver, "ROLLBACK")

    def apart(self, errand: Errand[Any]) -> tuple[Any, Exception | None]:
        """One unit among others, in a savepoint; what it raises undoes this unit alone."""
        self._driver.execute("SAVEPOINT unit")
        try:
            value, failure = errand.act(self.connection), None
        except Exception as error:  # noqa: BLE001 -- raised again where it is waited for
            # Fails too where SQLite has given up the whole transaction, and so does the group.
            self._driver.execute("ROLLBACK TO unit")
            value, failure = None, error
        self._driver.execute("RELEASE unit")
        return value, failure

    def close(self) -> None:
        """Never back to the pool: others there wait and write in another way."""
        self.connection.invalidate()
        self.connection.close()

    def _begin_patiently(self) -> None:
        self._be_patient(True)
        try:
            command(self._driver, "BEGIN IMMEDIATE")
        finally:
            self._be_patient(False)

    def _be_patient(self, patient: bool) -> None:
        command(self._driver, f"PRAGMA busy_timeout={LOCK_SECONDS * 1000 if patient else 0}")


def served(pen: Pen, errands: list[Errand[Any]]) -> bool:
    """Do them and tell each what became of it; false when the pen should not be used again."""
    try:
        pen.begin()
    except BaseException as error:  # noqa: BLE001 -- told to whoever waits
        # Somebody else writes for too long: it is not waited for once more for each of them.
        fail(errands, error)
        return False
    try:
        outcomes = _outcomes(pen, errands)
        pen.commit()
    except BaseException as error:  # noqa: BLE001 -- a full disk: each hears of it by itself
        return _undone(pen, errands, error)
    for errand, (value, failure) in zip(errands, outcomes, strict=True):
        if failure is None:
            errand.done(value)
        else:
            errand.failed(failure)
    return True


def fail(errands: list[Errand[Any]], error: BaseException) -> None:
    """Tell all of them the same."""
    for errand in errands:
        errand.failed(error)


def _outcomes(pen: Pen, errands: list[Errand[Any]]) -> list[tuple[Any, Exception | None]]:
    if len(errands) == 1:
        return [(errands[0].act(pen.connection), None)]
    return [pen.apart(errand) for errand in errands]


def _undone(pen: Pen, errands: list[Errand[Any]], error: BaseException) -> bool:
    """Nothing of it is committed: of a group each runs again, in a transaction of its own."""
    try:
        pen.roll_back()
    except SQLAlchemyError as worse:
        fail(errands, worse)
        return False
    if len(errands) == 1:
        errands[0].failed(error)
        return not isinstance(error, SQLAlchemyError)
    _log.info("group_broken", size=len(errands), cause=type(error).__name__)
    for errand in errands:
        served(pen, [errand])
    return False
