"""What a search by name costs: no word that it is asked for makes it slow."""

from __future__ import annotations

import sqlite3
import time

import pytest
from sqlalchemy import literal_column, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect

from uploads.records.filters import named_like
from uploads.records.tables import documents

NAMES, REPEATED, NO_NAME = 500, "a" * 240, "a" * 120 + "b"


@pytest.mark.parametrize("dialect", [sqlite.dialect(), postgresql.dialect()])
def test_no_pattern_is_matched(dialect: Dialect) -> None:
    """LIKE with wildcards on both sides begins anew at each sign of a name."""
    condition = named_like("100%_sure")
    assert condition is not None
    said = select(documents.c.id).where(condition).compile(dialect=dialect)
    assert "LIKE" not in str(said).upper()
    assert "100%_sure" in said.params.values()


def test_a_word_that_nearly_is_in_every_name_costs_little_more_than_another() -> None:
    def seconds(text: str) -> float:
        condition = named_like(text)
        assert condition is not None
        asked = select(literal_column("count(*)")).select_from(documents).where(condition)
        said = asked.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
        began = time.thread_time()
        assert connection.execute(str(said)).fetchone() == (0,)
        return time.thread_time() - began

    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE documents (name_folded TEXT)")
    names = [(f"{REPEATED}{number}.txt",) for number in range(NAMES)]
    connection.executemany("INSERT INTO documents VALUES (?)", names)
    plain = min(seconds("b") for _ in range(5))
    assert min(seconds(NO_NAME) for _ in range(5)) < 12 * plain + 0.002
    connection.close()
