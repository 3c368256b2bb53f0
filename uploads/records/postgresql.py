"""How PostgreSQL is reached: its driver, its time limits, its pool, and a password that changes.

Loaded only where it is the database (`engine.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, cast

import psycopg
from sqlalchemy import Engine, NullPool, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection

from uploads.records.cooperative import CooperativeConnection
from uploads.records.passwords import SecretPassword, without_secret
from uploads.records.resting import RestingPool

_OPTIONS = {
    "statement_timeout": "15s",
    "idle_in_transaction_session_timeout": "15s",
    "synchronous_commit": "on",
    "timezone": "UTC",
}


def pooled(url: URL, lock_seconds: float, connections: int) -> Engine:
    """A pooled engine whose statements wait for locks for `lock_seconds` at most."""
    given = {**_OPTIONS, "lock_timeout": f"{lock_seconds}s"}
    options = " ".join(f"-c {name}={value}" for name, value in given.items())
    address, secret = without_secret(url)
    engine = create_engine(
        address,
        # A connection that was lost while it lay idle is noticed by its first statement, and thrown
        # away with all that are as old, and the unit is run again: no question before each unit.
        # Each new one is a new process for the server: they are kept while they are of use.
        poolclass=RestingPool,
        pool_size=connections,
        max_overflow=0,
        pool_use_lifo=True,
        pool_timeout=10,
        hide_parameters=True,
        # Without the last one, a host that vanished is noticed only after a quarter of an hour.
        connect_args={"options": options, "connect_timeout": 5, "tcp_user_timeout": 15_000},
    )
    event.listen(engine, "do_connect", _connecting(CooperativeConnection, secret))
    return engine


def unpooled(url: URL) -> Engine:
    """An engine for one long transaction: each connection is a new one of psycopg's own kind."""
    address, secret = without_secret(url)
    waits = {"connect_timeout": 5}
    engine = create_engine(address, poolclass=NullPool, connect_args=waits, hide_parameters=True)
    event.listen(engine, "do_connect", _connecting(psycopg.Connection, secret))
    return engine


def _connecting(
    kind: type[psycopg.Connection[Any]], secret: SecretPassword | None
) -> Callable[..., DBAPIConnection]:
    """What opens a connection of this kind, with the user and password of the secret if any."""

    def connect(
        _dialect: object, _record: object, words: Sequence[Any], named: Mapping[str, Any]
    ) -> DBAPIConnection:
        begin = partial(kind.connect, *words, **named)
        return cast(DBAPIConnection, begin() if secret is None else secret.sign_in(begin))

    return connect
