"""Statements that every upload runs: compiled once, and handed to the database's driver itself.

Of what one small statement costs through SQLAlchemy's `Connection.execute` SQLite's own part is a
tenth, and the way to a PostgreSQL and back a quarter. Here that way is gone once, when the
statement is first run: its text, the order of its parameters and what becomes of each type are
kept. PostgreSQL is told to keep its plan as well. Errors are SQLAlchemy's.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Delete, Insert, Select, Update, table
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from uploads.records.tables import UtcDateTime

T = TypeVar("T")

_NO_TABLE = table("none")
_Convert = Callable[[Any], Any]
_Values = Mapping[str, Any]


class Prepared:
    """One statement. Its parameters are named by whoever runs it, with the same names each time."""

    def __init__(self, statement: Select[Any] | Insert | Update | Delete) -> None:
        self._statement = statement
        self._plans: dict[str, _Plan] = {}

    def run(self, connection: Connection, values: _Values) -> Sequence[Sequence[Any]]:
        """Execute it and return its rows, where it has any. Raises SQLAlchemyError."""
        plan = self._plans.get(connection.dialect.name)
        return (plan or self._planned(connection.dialect, values)).run(connection, values)

    def _planned(self, dialect: Dialect, values: _Values) -> _Plan:
        kind = _ForSqlite if dialect.name == "sqlite" else _ForPostgresql
        plan = self._plans[dialect.name] = kind(self._statement, dialect, values)
        return plan


class PreparedLookup(Prepared, Generic[T]):
    """A query for one row by its key, of which `make` makes a value that nobody changes.

    Of a row that is byte for byte the one of before, the value of before is handed out; on
    PostgreSQL, whose rows hold more than texts and numbers, it is made anew.
    """

    def __init__(self, statement: Select[Any], make: Callable[[Sequence[Any]], T]) -> None:
        super().__init__(statement)
        self._make = make
        self._made = lru_cache(maxsize=1024)(self._made_of)

    def find(self, connection: Connection, values: _Values) -> T | None:
        """What the row stands for, or None where there is none. Raises SQLAlchemyError."""
        plan = self._plans.get(connection.dialect.name)
        plan = plan or self._planned(connection.dialect, values)
        if not isinstance(plan, _ForSqlite):
            rows = plan.run(connection, values)
            return self._make(rows[0]) if rows else None
        rows = plan.rows(connection, values)
        return self._made(rows[0]) if rows else None

    def _made_of(self, row: Sequence[Any]) -> T:
        return self._make(self._plans["sqlite"].read([row])[0])


class _Plan:
    """What is known of a statement once it is compiled for a dialect."""

    def __init__(self, statement: Any, dialect: Dialect, values: _Values) -> None:
        # A plain INSERT has a column for each value; what names its own parameters has none.
        columns = [name for name in values if name in getattr(statement, "table", _NO_TABLE).c]
        compiled: SQLCompiler = statement.compile(dialect=dialect, column_keys=columns or None)
        # What is named is given once, what has a place once for each.
        names: Sequence[str] = compiled.positiontup or list(compiled.bind_names.values())
        if set(names) - set(values):
            raise TypeError(f"nothing is given for {', '.join(sorted(set(names) - set(values)))}")
        self._text = str(compiled)
        self._names = names
        self._pick = _picking(names)
        self._binds = _changed(_binding(compiled.binds[name].type, dialect) for name in names)
        told = getattr(statement, "exported_columns", ())
        self._tells = bool(told)
        self._reads = _changed(_reading(column.type, dialect) for column in told)

    def run(self, connection: Connection, values: _Values) -> Sequence[Sequence[Any]]:
        rows = self.rows(connection, values)
        return self.read(rows) if self._reads else rows

    def rows(self, connection: Connection, values: _Values) -> Sequence[Sequence[Any]]:
        """As the driver has them."""
        raise NotImplementedError

    def read(self, rows: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
        """As their types have them."""
        return [self._read(row) for row in rows]

    def _given(self, values: _Values) -> list[Any]:
        given = [*self._pick(values)]
        for at, convert in self._binds:
            given[at] = convert(given[at])
        return given

    def _told(self, error: Exception, base: type[Exception]) -> BaseException:
        """As SQLAlchemy itself would tell of it, but for what was written."""
        return DBAPIError.instance(self._text, None, error, base, hide_parameters=True)

    def _read(self, row: Sequence[Any]) -> Sequence[Any]:
        found = list(row)
        for at, convert in self._reads:
            found[at] = convert(found[at])
        return found


class _ForSqlite(_Plan):
    def rows(self, connection: Connection, values: _Values) -> Sequence[Sequence[Any]]:
        # sqlite3's own: there is no other driver beneath it, and to be told so takes two calls.
        driver: Any = connection.connection.dbapi_connection
        try:
            cursor = driver.execute(self._text, self._given(values))
            return cursor.fetchall() if self._tells else ()
        except sqlite3.Error as error:
            raise self._told(error, sqlite3.Error) from error


class _ForPostgresql(_Plan):
    def rows(self, connection: Connection, values: _Values) -> Sequence[Sequence[Any]]:
        driver: Any = connection.connection.driver_connection
        named = dict(zip(self._names, self._given(values), strict=True))
        try:
            cursor = driver.execute(self._text, named, prepare=True)
            return cursor.fetchall() if cursor.pgresult.nfields else ()
        except connection.dialect.loaded_dbapi.Error as error:
            if driver.closed:
                # Shown to SQLAlchemy, which tells of it and throws away all that are as old.
                connection.exec_driver_sql("SELECT 1")
            # psycopg's own, which is loaded only where it is the driver.
            raise self._told(error, connection.dialect.loaded_dbapi.Error) from error
        except BaseException:
            # Whoever waited was told to end: what the server still answers is for nobody else.
            connection.invalidate()
            raise


def _picking(names: Sequence[str]) -> Callable[[_Values], Iterable[Any]]:
    """What takes the values of these names, in their order: of many at once, for all are needed."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: [values[name] for name in names]


def _binding(kind: TypeEngine[Any], dialect: Dialect) -> _Convert | None:
    if isinstance(kind, UtcDateTime):
        return _moments(dialect)
    return kind.dialect_impl(dialect).bind_processor(dialect)


@lru_cache
def _moments(dialect: Dialect) -> _Convert | None:
    """One for all statements: an upload writes the same moment into several tables."""
    convert = UtcDateTime().dialect_impl(dialect).bind_processor(dialect)
    return lru_cache(maxsize=64)(convert) if convert else None


def _reading(kind: TypeEngine[Any], dialect: Dialect) -> _Convert | None:
    return kind.dialect_impl(dialect).result_processor(dialect, None)


def _changed(converts: Iterable[_Convert | None]) -> list[tuple[int, _Convert]]:
    """Those columns that do not come as they are kept, and what is made of them."""
    return [(at, convert) for at, convert in enumerate(converts) if convert is not None]
