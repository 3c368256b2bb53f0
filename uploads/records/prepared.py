"""Statements that every upload runs: compiled once, and on SQLite handed to the driver itself.

Of what one small statement costs through SQLAlchemy's `Connection.execute` SQLite's own part is a
tenth. Here that way is gone once, when the statement is first run: its text, the order of its
parameters and what becomes of each type are kept. On PostgreSQL, where the way to the server
counts, it is executed as ever. Errors are SQLAlchemy's in both cases. Knows no table.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Delete, Insert, Select, Update
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

_Convert = Callable[[Any], Any]
_Values = Mapping[str, Any]


class Prepared:
    """One statement. Its parameters are named by whoever runs it, with the same names each time."""

    def __init__(self, statement: Select[Any] | Insert | Update | Delete) -> None:
        self._statement = statement
        self._for_sqlite: _Plan | None = None

    def run(self, connection: Connection, values: _Values) -> Sequence[Sequence[Any]]:
        """Execute it and return its rows, where it has any. Raises SQLAlchemyError."""
        if connection.dialect.name != "sqlite":
            result = connection.execute(self._statement, values)
            return result.all() if result.returns_rows else ()
        plan = self._for_sqlite
        if plan is None:
            plan = self._for_sqlite = _Plan(self._statement, connection.dialect, values)
        return plan.run(connection.connection.driver_connection, values)


class _Plan:
    """What is known of a statement once it is compiled for a dialect."""

    def __init__(self, statement: Any, dialect: Dialect, values: _Values) -> None:
        compiled: SQLCompiler = statement.compile(dialect=dialect, column_keys=list(values))
        names: Sequence[str] = compiled.positiontup or ()
        if set(names) - set(values):
            raise TypeError(f"nothing is given for {', '.join(sorted(set(names) - set(values)))}")
        self._text = str(compiled)
        self._binds = [(name, _binding(compiled.binds[name].type, dialect)) for name in names]
        self._reads = _changed(
            _reading(column.type, dialect) for column in getattr(statement, "exported_columns", ())
        )

    def run(self, driver: Any, values: _Values) -> Sequence[Sequence[Any]]:
        try:
            given = [
                values[name] if convert is None else convert(values[name])
                for name, convert in self._binds
            ]
            rows: list[Sequence[Any]] = driver.execute(self._text, given).fetchall()
        except sqlite3.Error as error:
            # As a mistake would be told by SQLAlchemy itself, but for what was written.
            raise DBAPIError.instance(
                self._text, None, error, sqlite3.Error, hide_parameters=True
            ) from error
        return [self._read(row) for row in rows] if self._reads else rows

    def _read(self, row: Sequence[Any]) -> Sequence[Any]:
        found = list(row)
        for at, convert in self._reads:
            found[at] = convert(found[at])
        return found


def _binding(kind: TypeEngine[Any], dialect: Dialect) -> _Convert | None:
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _reading(kind: TypeEngine[Any], dialect: Dialect) -> _Convert | None:
    return kind.dialect_impl(dialect).result_processor(dialect, None)


def _changed(converts: Iterable[_Convert | None]) -> list[tuple[int, _Convert]]:
    """Those columns that do not come as they are kept, and what is made of them."""
    return [(at, convert) for at, convert in enumerate(converts) if convert is not None]
