"""What the doctor says of PostgreSQL: it is asked for its own settings, schema and time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

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
def poor(postgresql: str) -> Iterator[str]:
    """The address of a newest schema for a user who may look and no more."""
    url = fresh_database(postgresql)
    upgrade(url)
    grants = ["CREATE ROLE poor LOGIN PASSWORD 'pw'", "GRANT pg_read_all_data TO poor"]
    _administer(url, *grants)
    yield make_url(url).set(username="poor", password="pw").render_as_string(False)
    _administer(postgresql, "DROP ROLE poor")


def test_a_user_who_may_only_look_is_broken(poor: str) -> None:
    told = found(poor)["writing"]
    assert told.state is State.BROKEN
    assert told.found.startswith("this user may not write alembic_version, ")


def test_fewer_connections_than_the_processes_open_are_told(migrated_postgresql: str) -> None:
    """A server as it comes has a hundred, of which three are for superusers."""
    looks = {one.name: one for one in database.looks(migrated_postgresql, 98)}
    told = looks["connections"].do()
    assert told.state is State.DEGRADED
    assert told.found.startswith("this machine opens up to 98 of 97; ")
    assert "max_connections to 101 or more" in told.follows
    assert found(migrated_postgresql)["connections"].state is State.OK


def test_a_second_user_works_beside_the_first(postgresql: str) -> None:
    """As the operators' page has it: both write, and either brings the schema up to date."""
    book = Path("docs/operations.md").read_text().split("```sql\n")[1].split("```")[0]
    _administer(postgresql, "CREATE ROLE app1 LOGIN", "CREATE DATABASE second OWNER app1")
    first = make_url(postgresql).set(username="app1", database="second")
    upgrade(first.render_as_string())
    theirs = make_url(postgresql).set(database="second").render_as_string()
    made = book.replace("ROLE uploads NOLOGIN", "ROLE owners NOLOGIN").replace(
        "TO uploads", "TO owners"
    )
    made = made.replace("GRANT uploads", "GRANT owners").replace("= uploads", "= owners")
    _administer(theirs, *filter(str.strip, made.split(";")))
    second = first.set(username="app2").render_as_string()
    for url in (first.render_as_string(), second):
        assert {found(url)[name].state for name in ("schema", "writing")} == {State.OK}
    _administer(second, "ALTER TABLE jobs ADD COLUMN more text")
    _administer(theirs, "REASSIGN OWNED BY app1 TO owners", "DROP OWNED BY app1", "DROP ROLE app1")
    assert found(second)["writing"].state is State.OK
    _administer(postgresql, "DROP DATABASE second", "DROP ROLE app2", "DROP ROLE owners")


def test_a_role_with_a_limit_of_its_own_has_no_more(poor: str, postgresql: str) -> None:
    _administer(postgresql, "ALTER ROLE poor CONNECTION LIMIT 7")
    looks = {one.name: one for one in database.looks(poor, 8)}
    assert looks["connections"].do().found.startswith("this machine opens up to 8 of 7; ")
