"""What is handed to SQLite's driver says and finds the same as what SQLAlchemy sends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, bindparam, create_engine, insert, select, update
from sqlalchemy.exc import IntegrityError, OperationalError

from tests.support.facts import NOW
from uploads.records.outbox_tables import events
from uploads.records.prepared import Prepared, PreparedLookup
from uploads.records.tables import metadata

_ROW = {
    "owner_id": "usr_1",
    "number": 7,
    "document_id": "doc_1",
    "state": "clean",
    "at": NOW + timedelta(microseconds=5),
    "facts": {"name": "ä", "size": None},
}


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    engine = create_engine(f"sqlite:///{tmp_path / 'prepared.db'}")
    metadata.create_all(engine)
    with engine.connect() as made:
        yield made
    engine.dispose()


def test_what_it_writes_sqlalchemy_reads(connection: Connection) -> None:
    Prepared(insert(events)).run(connection, _ROW)
    assert connection.execute(select(events)).one()._asdict() == _ROW


def test_what_sqlalchemy_wrote_it_reads(connection: Connection) -> None:
    connection.execute(insert(events), _ROW)
    wanted = Prepared(select(events).where(events.c.number == bindparam("wanted")))
    assert [tuple(row) for row in wanted.run(connection, {"wanted": 7})] == [tuple(_ROW.values())]
    assert not wanted.run(connection, {"wanted": 8})


def test_what_a_write_returns_is_read_as_well(connection: Connection) -> None:
    returning = Prepared(insert(events).returning(events.c.at, events.c.facts))
    assert [tuple(row) for row in returning.run(connection, _ROW)] == [(_ROW["at"], _ROW["facts"])]


def test_its_errors_are_sqlalchemys_and_quote_nothing(connection: Connection) -> None:
    adding = Prepared(insert(events))
    adding.run(connection, _ROW)
    with pytest.raises(IntegrityError) as twice:
        adding.run(connection, _ROW)
    assert "doc_1" not in str(twice.value)
    connection.exec_driver_sql("DROP TABLE events")
    with pytest.raises(OperationalError):
        adding.run(connection, _ROW)


def test_a_parameter_that_nobody_gives_is_a_mistake(connection: Connection) -> None:
    asking = Prepared(select(events).where(events.c.number == bindparam("wanted")))
    with pytest.raises(TypeError, match="wanted"):
        asking.run(connection, {"other": 1})


def test_a_row_stands_for_the_same_value_until_it_changes(connection: Connection) -> None:
    """Whoever revokes a key changes its row: what was made of it before is of no account."""
    Prepared(insert(events)).run(connection, _ROW)
    made: list[object] = []
    looking = PreparedLookup(
        select(events.c.state, events.c.at).where(events.c.number == bindparam("wanted")),
        lambda row: made.append(row) or tuple(row),  # type: ignore[func-returns-value]
    )
    first = looking.find(connection, {"wanted": 7})
    assert first == ("clean", _ROW["at"])
    assert looking.find(connection, {"wanted": 7}) is first
    connection.execute(update(events).values(state="infected"))
    assert looking.find(connection, {"wanted": 7}) == ("infected", _ROW["at"])
    assert len(made) == 2
    assert looking.find(connection, {"wanted": 8}) is None
