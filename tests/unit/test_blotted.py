"""What the log never shows, whoever writes it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from tests.support.sqlite import migrated_sqlite
from uploads.logs import redact
from uploads.records.engine import make_engine, make_migration_engine


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("the hash $argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA+/x is", "the hash $argon2id$"),
        ("postgresql+psycopg://app:pa55@db:5432/uploads", "postgresql+psycopg://app:"),
        ("redis://:pa55@localhost", "redis://:"),
        ("null value\nDETAIL:  Failing row contains (usr_1, a@b.c, $argon).", "DETAIL: "),
        ("upk.abc.s3cret", "upk.abc."),
    ],
)
def test_what_is_secret_is_blotted_out(said: str, shown: str) -> None:
    told = redact(None, "info", {"event": "x", "exception": said})["exception"]
    assert shown + "[redacted]" in told
    assert "pa55" not in told
    assert "c2FsdA" not in told
    assert "usr_1" not in told


def test_what_is_no_secret_stays() -> None:
    said = "GET http://127.0.0.1:8000/api/v1/me took 10:20 min, mail to a@example.org"
    assert redact(None, "info", {"event": said})["event"] == said


@pytest.mark.parametrize("make", [make_engine, make_migration_engine])
def test_errors_of_a_database_show_no_values(make: Callable[[str], Engine], tmp_path: Path) -> None:
    engine = make(migrated_sqlite(tmp_path / "x.db"))
    with engine.connect() as connection, pytest.raises(DBAPIError) as error:
        connection.execute(text("INSERT INTO nowhere VALUES (:it)"), {"it": "$argon2id$x"})
    assert "argon2id" not in str(error.value)
    engine.dispose()
