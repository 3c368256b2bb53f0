"""What is due to expire, found among all that has expired or never will, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

from sqlalchemy import NullPool, create_engine, event

from tests.support.facts import after
from uploads.documents.model import GONE, Document, State
from uploads.records.sql import SqlRecords
from workers.runtime import Runtime

STATES = list(State)


def test_overdue_are_those_that_are_there_oldest_first(
    owned: SqlRecords, add: Callable[..., Document]
) -> None:
    """Not what comes in, and not what is gone, which keeps the time at which it went."""
    for number, state in enumerate(STATES):
        add(f"doc_{state.value}", state=state, expires_at=after(len(STATES) - number))
    add("doc_later", state=State.CLEAN, expires_at=after(99))
    add("doc_never", state=State.CLEAN)

    def overdue(limit: int) -> list[str]:
        rows = owned.read(lambda work: work.documents.overdue(after(50), limit))
        return [one.id for one in rows]

    there = [state for state in reversed(STATES) if state not in {*GONE, State.RECEIVING}]
    assert overdue(99) == [f"doc_{state.value}" for state in there]
    assert overdue(1) == [f"doc_{there[0].value}"]
    assert [one.id for one in owned.read(lambda work: work.documents.overdue(after(0), 9))] == []


def test_to_look_for_them_is_one_look_at_an_index_without_tombstones(
    owned: SqlRecords, database_url: str
) -> None:
    """Each sweep asks. What is asked is explained with its parameters, as it was sent."""
    asked: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        asked.append((statement, parameters))

    event.listen(owned._engine, "before_cursor_execute", note)
    owned.read(lambda work: work.documents.overdue(after(0), 1))
    [(statement, parameters)] = [one for one in asked if "documents" in one[0]]
    with create_engine(database_url, poolclass=NullPool).connect() as connection:
        explain = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"
        if explain == "EXPLAIN":
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # there are few rows here
        plan = connection.exec_driver_sql(f"{explain} {statement}", parameters)
        assert "ix_documents_expiring" in "\n".join(map(str, plan))


def test_each_sweep_ends_what_expires_before_it_deletes() -> None:
    done: list[str] = []
    verbs = ("sweep", "expire", "try_changed", "withdraw", "reap", "rescan")
    runtime = SimpleNamespace(**{verb: partial(done.append, verb) for verb in verbs})
    Runtime.do_what_is_due(cast(Runtime, runtime))
    assert done.index("sweep") < done.index("expire") < done.index("reap")
