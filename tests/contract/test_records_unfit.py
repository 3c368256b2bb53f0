"""A PostgreSQL that is there and does not take what it should: unavailable, and said why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text
from structlog.testing import capture_logs

from tests.support.facts import user
from tests.support.postgres import fresh_database, standby_postgres
from uploads.documents.errors import RecordsUnavailable
from uploads.records import failures
from uploads.records.migrate import upgrade
from uploads.records.protocol import Work
from uploads.records.sql import SqlRecords


@pytest.fixture(autouse=True)
def _nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "_said", {})


def add_user(work: Work) -> bool:
    return work.accounts.add_user(user())


def administer(url: str, *statements: str) -> None:
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))


@pytest.fixture
def database(postgresql: str) -> str:
    url = fresh_database(postgresql)
    upgrade(url)
    return url


@pytest.fixture
def at() -> Iterator[Callable[[str], SqlRecords]]:
    made: list[SqlRecords] = []

    def make(url: str) -> SqlRecords:
        made.append(SqlRecords(url, pause=lambda seconds: None))
        return made[-1]

    yield make
    for one in made:
        one.close()


def refused(records: SqlRecords) -> str:
    """What is told of each way to write, which is the same; the log has it once."""
    causes = set()
    with capture_logs() as logs:
        for write in (records.write, records.write_one, records.write):
            with pytest.raises(RecordsUnavailable) as refusal:
                write(add_user)
            assert "usr_1@example" not in str(refusal.value.__cause__)
            causes.add(refusal.value.cause)
    said = [line["cause"] for line in logs if line["event"] == "database_unfit"]
    assert set(said) == causes
    assert len(said) == len(causes)
    return "; ".join(sorted(causes))


def lacking(records: SqlRecords) -> str:
    with pytest.raises(RecordsUnavailable) as refusal:
        records.ready()
    return refusal.value.cause


def test_a_standby_is_not_ready_and_takes_nothing(
    tmp_path: Path, at: Callable[[str], SqlRecords]
) -> None:
    with standby_postgres(tmp_path, upgrade) as url:
        records = at(url)
        assert records.read(lambda work: work.accounts.users()) == []
        told = refused(records)
        assert "the server only reads: a standby" in told
        assert lacking(records) == "the server only reads"
        records.close()


def test_what_reads_by_default_is_not_ready(database: str, at: Callable[[str], SqlRecords]) -> None:
    records = at(database)
    records.ready()
    name = make_url(database).database
    administer(database, f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    records.close()
    assert lacking(records) == "the server only reads"
    assert "the server only reads" in refused(records)


def test_a_user_without_rights_is_not_ready(database: str, at: Callable[[str], SqlRecords]) -> None:
    administer(database, "CREATE ROLE weak LOGIN", "GRANT pg_read_all_data TO weak")
    records = at(make_url(database).set(username="weak").render_as_string())
    told = refused(records)
    assert told.startswith("this user may not do what the service does")
    assert "permission denied for table users" in told
    assert lacking(records).startswith("this user may not write answers, ")
    records.close()
    administer(database, "DROP ROLE weak")


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        ("DROP TABLE users CASCADE", 'relation "users" does not exist'),
        ("ALTER TABLE users DROP COLUMN password_hash", 'column "password_hash"'),
    ],
)
def test_a_missing_table_or_column_is_unavailable(
    database: str, at: Callable[[str], SqlRecords], damage: str, named: str
) -> None:
    records = at(database)
    administer(database, damage)
    told = refused(records)
    assert told.startswith("a table or a column is missing")
    assert named in told


def test_plans_of_before_a_migration_are_made_anew(
    database: str, at: Callable[[str], SqlRecords]
) -> None:
    """A column's type has changed under a statement whose plan the server keeps."""
    records = at(database)
    assert records.write(add_user)

    def look(work: Work) -> object:
        return work.accounts.key_and_user("key_1")

    assert records.glance(look) is None
    administer(database, "ALTER TABLE users ALTER COLUMN email TYPE varchar(4000)")
    with capture_logs() as logs:
        assert records.glance(look) is None
    assert logs == []
