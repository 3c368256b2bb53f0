"""Records in SQLite or PostgreSQL: runs units of work, each in one transaction.

Everything about retries, forks and threads is here; what the rows mean is in the collections.
"""

from __future__ import annotations

import os
import random
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from uploads.documents.errors import CommitUnknown, RecordsUnavailable
from uploads.records import revision
from uploads.records.accounts import SqlAccounts
from uploads.records.alone import Alone
from uploads.records.answers import SqlAnswers
from uploads.records.audit import SqlAudit
from uploads.records.deliveries import SqlDeliveries
from uploads.records.documents import SqlDocuments
from uploads.records.engine import CONNECTIONS, begin_options, make_engine
from uploads.records.events import SqlEvents
from uploads.records.failures import is_open, is_outlived, may_repeat, translate
from uploads.records.fitness import what_is_lacking
from uploads.records.gate import Gate
from uploads.records.grants import SqlGrants
from uploads.records.grouping import Grouped
from uploads.records.inspections import SqlInspections
from uploads.records.jobs import SqlJobs
from uploads.records.leftovers import SqlLeftovers
from uploads.records.links import SqlLinks
from uploads.records.proofs import SqlProofs
from uploads.records.protocol import Work
from uploads.records.quarantine import SqlQuarantine
from uploads.records.usage import SqlUsages
from uploads.records.webhooks import SqlWebhooks

T = TypeVar("T")

ATTEMPTS = 6
FIRST_PAUSE_SECONDS = 0.02
# No new attempt begins after this: whoever waits for us has given up by then.
PATIENCE_SECONDS = 15.0
_LEAVE_AGAIN_SECONDS = 5.0


class _Made(Generic[T]):
    """A collection of a transaction, made when it is first asked for, and its own from then on.

    By `__getattr__` each of them would begin with an AttributeError.
    """

    def __init__(self, make: Callable[[Connection], T]) -> None:
        self._make = make

    def __set_name__(self, _: type, name: str) -> None:
        self._name = name

    def __get__(self, work: SqlWork, _: type) -> T:
        made = work.__dict__[self._name] = self._make(work.connection)
        return made


class SqlWork:
    """One transaction's collections."""

    documents = _Made(SqlDocuments)
    jobs = _Made(SqlJobs)
    accounts = _Made(SqlAccounts)
    leftovers = _Made(SqlLeftovers)
    grants = _Made(SqlGrants)
    links = _Made(SqlLinks)
    quarantine = _Made(SqlQuarantine)
    answers = _Made(SqlAnswers)
    events = _Made(SqlEvents)
    webhooks = _Made(SqlWebhooks)
    deliveries = _Made(SqlDeliveries)
    usages = _Made(SqlUsages)
    inspections = _Made(SqlInspections)
    proofs = _Made(SqlProofs)
    audit = _Made(SqlAudit)

    def __init__(self, connection: Connection) -> None:
        self.connection = connection


class SqlRecords:
    """The records at `database_url`; one instance serves all threads of a process.

    Locks, deadlocks and connections that broke before the commit are retried, a few times and not
    for long. A violated key or reference surfaces as `documents.errors.Conflict`. `pause` waits a
    number of seconds between two attempts.
    """

    def __init__(
        self,
        database_url: str,
        *,
        attempts: int = ATTEMPTS,
        pause: Callable[[float], None] = time.sleep,
        jitter: Callable[[float, float], float] = random.uniform,
        grouped: bool = False,
        connections: int = CONNECTIONS,
    ) -> None:
        self._engine = make_engine(database_url, connections)
        self._attempts = attempts
        self._pause = pause
        self._jitter = jitter
        self._inherited: list[Any] = []
        self._left_at = float("-inf")
        self._is_sqlite = self._engine.dialect.name == "sqlite"
        self._alone = self._make_alone()
        self._gate = self._make_gate()
        self._grouped = self._make_grouped() if grouped and self._is_sqlite else None
        _living.add(self)

    def read(self, unit: Callable[[Work], T]) -> T:
        """Run `unit` in a transaction that cannot write, and return what it returns."""
        return self._repeat(lambda connection: unit(SqlWork(connection)), writes=False)

    def glance(self, unit: Callable[[Work], T]) -> T:
        """Read a few rows by their keys, with less between them and the caller than in `read`."""
        if self._grouped is None and self._is_sqlite:
            return self.read(unit)
        run = self._alone.read if self._grouped is None else self._grouped.glance
        return self._repeat(lambda connection: unit(SqlWork(connection)), writes=False, run=run)

    def write(self, unit: Callable[[Work], T]) -> T:
        """Run `unit` and commit. It may be run several times; only the last run counts."""
        return self._repeat(lambda connection: unit(SqlWork(connection)), writes=True)

    def write_much(self, unit: Callable[[Work], T]) -> T:
        """`write` for a unit of very many rows: who else is served here goes on meanwhile."""

        def act(connection: Connection) -> T:
            return unit(SqlWork(connection))

        grouped = self._grouped
        return self._repeat(act if grouped is None else grouped.at_length(act), writes=True)

    def write_one(self, unit: Callable[[Work], T]) -> T:
        """Run a unit of one statement, which commits by itself where the database allows it."""
        if self._is_sqlite:
            return self.write(unit)
        run = self._alone.write
        return self._repeat(lambda connection: unit(SqlWork(connection)), writes=True, run=run)

    def ready(self) -> None:
        """Return when the database answers, its schema is the newest, and it takes writes.

        Raises RecordsUnavailable otherwise.
        """
        if lack := self._repeat(what_is_lacking, writes=False):
            raise RecordsUnavailable(lack)

    def check_schema(self) -> None:
        """Raises OtherSchema where the schema is not the one that this version wants."""
        revision.refuse_other(self._repeat(revision.found, writes=False))

    def close(self) -> None:
        """Give all idle connections back, and those in use when their units have ended."""
        if self._grouped is not None:
            self._grouped.close()
        self._alone.close()
        self._engine.dispose()

    def before_fork(self) -> None:
        """Have no SQLite file open while Python forks; called by itself."""
        if self._is_sqlite:
            self._gate.shut()
            self.close()

    def after_fork_in_parent(self) -> None:
        """Go on; called by itself."""
        self._gate.open()

    def after_fork(self) -> None:
        """Begin anew in a forked child; called by itself wherever Python forks.

        The parent's connections are kept, untouched and for good: to close one here would end
        the parent's conversation on the same socket.
        """
        self._inherited += (self._engine.pool, self._alone)
        self._engine.dispose(close=False)
        self._alone = self._make_alone()
        self._gate = self._make_gate()
        if self._grouped is not None:
            self._grouped = self._make_grouped()

    def _make_gate(self) -> Gate:
        return Gate(PATIENCE_SECONDS, one_writer=self._is_sqlite)

    def _make_alone(self) -> Alone:
        return Alone(self._engine, self._inherited)

    def _make_grouped(self) -> Grouped:
        return Grouped(self._engine, PATIENCE_SECONDS)

    def _repeat(
        self,
        act: Callable[[Connection], T],
        *,
        writes: bool,
        run: Callable[[Callable[[Connection], T]], T] | None = None,
    ) -> T:
        patience = time.monotonic() + PATIENCE_SECONDS
        for attempt in range(1, self._attempts + 1):
            # What commits by itself may have done so before its connection broke.
            attempted = _Attempt(committing=run is not None)
            try:
                if run is not None:
                    return run(act)
                if self._grouped is not None:
                    return self._grouped.run(act, writes=writes)
                with self._gate.passed(writes=writes):
                    return self._once(act, attempted, writes=writes)
            except SQLAlchemyError as error:
                self._leave_outlived(error)
                again = may_repeat(error, committing=writes and attempted.committing)
                if not again or attempt == self._attempts or time.monotonic() > patience:
                    unknown = writes and attempted.committing and is_open(error)
                    known = CommitUnknown(type(error).__name__) if unknown else translate(error)
                    if known is None:
                        raise
                    raise known from error
            longest = FIRST_PAUSE_SECONDS * 2**attempt
            self._pause(self._jitter(longest / 4, longest))
        raise AssertionError("an attempt returns or raises")

    def _once(self, act: Callable[[Connection], T], attempted: _Attempt, *, writes: bool) -> T:
        with self._connected() as connection:
            connection.execution_options(**begin_options(writes=writes))
            with connection.begin():
                result = act(connection)
                attempted.committing = True
            return result

    def _leave_outlived(self, error: SQLAlchemyError) -> None:
        """At most every few seconds: where it is the server itself, new ones are no better."""
        if is_outlived(error) and time.monotonic() - self._left_at > _LEAVE_AGAIN_SECONDS:
            self._left_at = time.monotonic()
            self._alone.close()
            self._engine.dispose()

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        pool = self._engine.pool
        try:
            with self._engine.connect() as connection:
                yield connection
        finally:
            # Closed meanwhile: it went back into a pool that nobody closes any more.
            if pool is not self._engine.pool and pool not in self._inherited:
                pool.dispose()


@dataclass(slots=True)
class _Attempt:
    """How far one attempt came: past `committing`, a broken connection leaves its fate open."""

    committing: bool = False


_living: weakref.WeakSet[SqlRecords] = weakref.WeakSet()


def _each(act: Callable[[SqlRecords], None]) -> Callable[[], None]:
    def act_on_all() -> None:
        for records in list(_living):
            act(records)

    return act_on_all


os.register_at_fork(
    before=_each(SqlRecords.before_fork),
    after_in_parent=_each(SqlRecords.after_fork_in_parent),
    after_in_child=_each(SqlRecords.after_fork),
)
