"""The rows behind Idempotency-Keys of a running service, looked at and aged from outside."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select, update

from tests.support.stack import Stack
from uploads import clock
from uploads.records.sql import SqlRecords
from uploads.records.tables import answers


def under_way(stack: Stack, key: str) -> bool:
    """Whether a request has begun under this key and has not ended."""
    with _engine(stack).connect() as connection:
        running = select(answers.c.key).where(answers.c.key == key, answers.c.status.is_(None))
        return connection.execute(running).first() is not None


def abandon(stack: Stack) -> None:
    """As if nothing had been heard for an hour of all that is under way."""
    long_ago = clock.now() - timedelta(hours=1)
    with _engine(stack).begin() as connection:
        connection.execute(
            update(answers).where(answers.c.status.is_(None)).values(begun_at=long_ago)
        )


def _engine(stack: Stack):  # type: ignore[no-untyped-def]
    records = stack.services().records
    assert isinstance(records, SqlRecords)
    return records._engine
