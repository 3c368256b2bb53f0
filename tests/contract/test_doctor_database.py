"""What the doctor says of PostgreSQL: it is asked for its own settings, schema and time."""

from __future__ import annotations

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text

from tests.support.postgres import fresh_database
from uploads.records.migrate import upgrade
from workers.doctor import database
from workers.doctor.checkup import examine
from workers.doctor.findings import Finding, State


def found(url: str) -> dict[str, Finding]:
    return {one.name: one for one in examine(database.looks(url), lambda _: None)}


def test_a_server_is_asked(migrated_postgresql: str) -> None:
    told = found(migrated_postgresql)
    assert told["reach"].found.startswith("PostgreSQL ")
    assert {told[name].state for name in ("schema", "reach", "clock")} == {State.OK}
    # Tests have no use for a disk that keeps everything, and that shows.
    assert told["durability"].state is State.DEGRADED
    assert "fsync off" in told["durability"].found


def test_a_database_without_its_tables_is_broken(postgresql: str) -> None:
    url = fresh_database(postgresql)
    assert found(url)["schema"].state is State.BROKEN
    upgrade(url)
    assert found(url)["schema"].state is State.OK


def _administer(url: str, *statements: str) -> None:
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))


def test_a_database_that_takes_no_writes_is_broken(postgresql: str) -> None:
    """As it is made so when its disk is full; the schema is the newest all the same."""
    url = fresh_database(postgresql)
    upgrade(url)
    assert found(url)["writing"].state is State.OK
    name = make_url(url).database
    _administer(postgresql, f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    told = found(url)
    assert (told["schema"].state, told["writing"].state) == (State.OK, State.BROKEN)
    assert told["writing"].found == "transactions may only read"


@pytest.fixture
def poor(postgresql: str) -> str:
    """The address of a newest schema for a user who may look and no more."""
    url = fresh_database(postgresql)
    upgrade(url)
    grants = ["CREATE ROLE poor LOGIN PASSWORD 'pw'", "GRANT pg_read_all_data TO poor"]
    _administer(url, *grants)
    return make_url(url).set(username="poor", password="pw").render_as_string(False)


def test_a_user_who_may_only_look_is_broken(poor: str) -> None:
    told = found(poor)["writing"]
    assert told.state is State.BROKEN
    assert told.found.startswith("this user may not write alembic_version, ")
