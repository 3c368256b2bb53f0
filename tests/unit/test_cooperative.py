"""PostgreSQL waited for among greenlets: never without end."""

from __future__ import annotations

import socket
from collections.abc import Generator
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import psycopg
import pytest

from uploads.records import cooperative
from uploads.records.cooperative import CooperativeConnection


@pytest.fixture
def ends() -> Generator[tuple[socket.socket, socket.socket]]:
    here, there = socket.socketpair()
    yield here, there
    here.close()
    there.close()


def waits(here: socket.socket, ended: list[bool]) -> Any:
    """The `wait` of a connection over this socket, which is closed by its `ended`."""
    server = SimpleNamespace(socket=here.fileno(), finish=lambda: ended.append(True))
    return partial(CooperativeConnection.wait, cast(Any, SimpleNamespace(pgconn=server)))


def asking() -> Generator[int, Any, Any]:
    return (yield 1)


def test_what_the_server_says_is_handed_on(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cooperative, "among_greenlets", lambda: True)
    ends[1].send(b"x")
    assert waits(ends[0], [])(asking()) == 1


def test_a_server_that_says_nothing_is_left(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is stopped acknowledges what is sent: nothing but time tells."""
    monkeypatch.setattr(cooperative, "among_greenlets", lambda: True)
    monkeypatch.setattr(cooperative, "_SILENT_SECONDS", 0.02)
    ended: list[bool] = []
    with pytest.raises(psycopg.OperationalError, match="does not answer"):
        waits(ends[0], ended)(asking())
    assert ended == [True]
