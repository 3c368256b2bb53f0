"""The two databases that every contract of the records is run on."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import NullPool, create_engine, text

from tests.support.desk import Desk, desk_at
from tests.support.facts import document, user
from tests.support.guarded import Guarded
from tests.support.meanwhile import Between, arranged
from tests.support.postgres import fresh_database, running_postgres
from tests.support.sqlite import migrated_sqlite
from uploads import faults
from uploads.documents.model import Document
from uploads.records.migrate import upgrade
from uploads.records.sql import SqlRecords
from uploads.records.tables import metadata


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running server; its URL names a database that nobody uses."""
    with running_postgres(tmp_path_factory.mktemp("postgresql")) as base_url:
        yield base_url


@pytest.fixture(scope="session")
def migrated_postgresql(postgresql: str) -> str:
    url = fresh_database(postgresql)
    upgrade(url)
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Makes databases without any table."""
    if request.param == "sqlite":
        numbers = itertools.count(1)
        return lambda: f"sqlite:///{tmp_path / f'empty-{next(numbers)}.db'}"
    server = request.getfixturevalue("postgresql")
    return lambda: fresh_database(server)


@pytest.fixture
def empty_database_url(empty_database: Callable[[], str]) -> str:
    """A database without any table."""
    return empty_database()


@pytest.fixture(params=["sqlite", "sqlite-grouped", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """Both databases; SQLite also as the web processes use it, on threads of its own."""
    return str(request.param)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, database: str, tmp_path: Path) -> str:
    """A database with the newest schema and no rows."""
    return _without_rows(request, database, tmp_path)


def _without_rows(request: pytest.FixtureRequest, database: str, tmp_path: Path) -> str:
    if database.startswith("sqlite"):
        return migrated_sqlite(tmp_path / "records.db")
    url: str = request.getfixturevalue("migrated_postgresql")
    tables = ", ".join(table.name for table in metadata.sorted_tables)
    with create_engine(url, poolclass=NullPool).begin() as connection:
        connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY"))
    return url


@pytest.fixture
def records(database: str, database_url: str) -> Iterator[SqlRecords]:
    records = SqlRecords(database_url, grouped=database.endswith("grouped"))
    yield records
    records.close()


@pytest.fixture
def owned(records: SqlRecords) -> SqlRecords:
    """Records that know two users."""
    records.write(lambda work: [work.accounts.add_user(user(name)) for name in ("usr_1", "usr_2")])
    return records


@pytest.fixture
def add(owned: SqlRecords) -> Callable[..., Document]:
    def add_one(document_id: str = "doc_1", **changes: Any) -> Document:
        made = document(document_id, **changes)
        owned.write(lambda work: work.documents.add(made))
        return made

    return add_one


@pytest.fixture(params=["sqlite", "postgresql"])
def line(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Guarded]:
    """The line in miniature, with engines that have to prove themselves."""
    made = Guarded(tmp_path, database_url=_without_rows(request, request.param, tmp_path))
    yield made
    faults.arm(None)
    made.records.close()


@pytest.fixture
def desk(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """The door for files under a key, on each database."""
    with desk_at(tmp_path, database_url, monkeypatch) as made:
        yield made


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Iterator[Between]:
    """Let something happen right after the first call of a method, in a thread of its own."""
    with arranged(monkeypatch) as arrange:
        yield arrange
