"""A commit that fails, as on a disk that is full: nobody is told of what is not there."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from tests.support.facts import user
from tests.support.sqlite import migrated_sqlite
from uploads.lanes import Errand
from uploads.records.engine import make_engine
from uploads.records.sql import SqlRecords, SqlWork
from uploads.records.writing import Pen, served

FULL = DBAPIError.instance("COMMIT", None, sqlite3.OperationalError("full"), sqlite3.Error)


class Failing(Pen):
    """Its commits fail, or do not, in this order."""

    fails: list[bool]

    def commit(self) -> None:
        if self.fails.pop(0):
            raise FULL
        super().commit()


def add(name: str) -> Callable[[Connection], Any]:
    return lambda connection: SqlWork(connection).accounts.add_user(user(name))


@pytest.mark.parametrize(
    ("fails", "there"),
    [
        ([False], {"usr_1", "usr_2"}),
        ([True, False, True], {"usr_1"}),
        ([True, True, True], set()),
    ],
)
def test_whoever_is_told_of_a_success_finds_it(
    tmp_path: Path, fails: list[bool], there: set[str]
) -> None:
    """Where that of a group fails, each is committed by itself, and fails by itself."""
    url = migrated_sqlite(tmp_path / "full.db")
    told = set()
    with closing(Failing(make_engine(url))) as pen:
        pen.fails = fails
        errands = {name: Errand(add(name)) for name in ("usr_1", "usr_2")}
        served(pen, list(errands.values()))
        for name, errand in errands.items():
            try:
                assert errand.outcome(30)
            except DBAPIError:
                continue
            told.add(name)
    with closing(SqlRecords(url)) as records:
        found = {one.id for one in records.read(lambda work: work.accounts.users())}
    assert (found, told) == (there, there)
