"""What the doctor says of PostgreSQL: it is asked for its own settings, schema and time."""

from __future__ import annotations

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
