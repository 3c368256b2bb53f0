"""Connections of one address: so many, from their first moment to their end, and nobody else's."""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.tallied import tallied
from uploads import edge, serving
from uploads.config import Settings
from uploads.connections import Connections
from uploads.metrics import CONNECTIONS_REFUSED

LIMIT = 3
DOOR = ("127.0.0.1", 8000)
MANY = ("203.0.113.7", 4711)
OTHER = ("203.0.113.8", 4711)


def settings(tmp_path: Path, **more: Any) -> Settings:
    return Settings.load(data=tmp_path, **{"web_connections_address": LIMIT, **more})


@pytest.fixture
def connections(tmp_path: Path) -> Connections:
    return Connections(settings(tmp_path))


def test_one_address_has_so_many_and_another_one_its_own(connections: Connections) -> None:
    """With the end of one there is room for one; of who has none nothing is kept."""
    many, other = connections.whose(DOOR, MANY), connections.whose(DOOR, OTHER)
    assert [connections.enter(many) for _ in range(LIMIT + 2)] == [True] * LIMIT + [False] * 2
    assert connections.enter(other)
    connections.leave(many)
    assert [connections.enter(many) for _ in range(2)] == [True, False]
    for whose in (*[many] * LIMIT, other):
        connections.leave(whose)
    assert connections._held == {}


def test_an_ipv6_customer_is_a_net_and_ports_buy_nothing(connections: Connections) -> None:
    """IPv4 on a socket of both kinds is IPv4."""
    six = ("::", 8000, 0, 0)
    whose = [connections.whose(six, (f"2001:db8:1:2::{n:x}", n, 0, 0)) for n in range(1, 9)]
    assert len(set(whose)) == 1
    assert connections.whose(six, ("2001:db8:1:3::1", 1, 0, 0)) not in whose
    assert connections.whose(six, (f"::ffff:{MANY[0]}", 9, 0, 0)) == connections.whose(DOOR, MANY)


@pytest.mark.parametrize(
    ("more", "name", "peer", "counted"),
    [
        ({}, DOOR, MANY, True),
        ({"web_connections_address": 0}, DOOR, MANY, False),
        # A proxy speaks for all its clients: on its socket, or where it has none by any address.
        ({"trusted_proxies": 1}, DOOR, MANY, False),
        ({"trusted_proxies": 1, "socket": "/run/web.sock"}, "/run/web.sock", "", False),
        ({"trusted_proxies": 1, "socket": "/run/web.sock"}, DOOR, MANY, True),
        # Whoever asks for metrics is not kept from them by who else comes from there.
        ({"metrics": True}, ("127.0.0.1", 9101), MANY, False),
        ({"metrics": True}, DOOR, MANY, True),
    ],
)
def test_who_is_counted(
    tmp_path: Path, more: dict[str, Any], name: Any, peer: Any, counted: bool
) -> None:
    if more.pop("metrics", False):
        more = {**more, "web_metrics_listen": "127.0.0.1:9101", "metrics_token": "t" * 16}
    connections = Connections(settings(tmp_path, **more))
    whose = connections.whose(name, peer)
    assert (whose is not None) is counted
    entered = [connections.enter(whose) for _ in range(LIMIT + 1)]
    assert entered == [True] * LIMIT + [not counted]


class Listening:
    """A listener, as far as the worker asks it."""

    def getsockname(self) -> tuple[str, int]:
        return DOOR


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> serving.Worker:
    """A worker whose conversations all fail; what gunicorn answers itself is ours."""
    monkeypatch.setattr(serving.util, "write_error", serving.util.write_error)
    edge.install(settings(tmp_path))
    made = serving.Worker.__new__(serving.Worker)
    made._connections = Connections(settings(tmp_path))
    monkeypatch.setattr(made, "_converse", _fail)
    return made


def _fail(*_: Any) -> None:
    raise RuntimeError("staged")


def meet(worker: serving.Worker) -> bytes:
    """All that one more client from that address is told."""
    said = b""
    with socket.create_server(("127.0.0.1", 0)) as door:
        client = socket.create_connection(door.getsockname())
        server, _ = door.accept()
        with client, server, suppress(ConnectionResetError):  # it was not read
            client.sendall(b"GET / HT")
            worker.handle(Listening(), server, MANY)
            while data := client.recv(65536):
                said += data
    return said


def test_a_conversation_that_fails_is_counted_no_longer(worker: serving.Worker) -> None:
    for _ in range(LIMIT + 1):
        with pytest.raises(RuntimeError, match="staged"):
            meet(worker)
    assert worker._connections._held == {}


def test_one_too_many_is_told_so_and_not_read(worker: serving.Worker) -> None:
    """In the contract's words, with a time to come again; it is counted as refused."""
    for _ in range(LIMIT):
        assert worker._connections.enter(worker._connections.whose(DOOR, MANY))
    with tallied() as counts:
        head, _, body = meet(worker).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 429 ")
    assert b"\r\nRetry-After: 5\r\n" in head
    assert b"\r\nConnection: close\r\n" in head
    assert json.loads(body)["code"] == "rate-limited"
    assert counts[CONNECTIONS_REFUSED.name] == 1


def test_who_is_gone_already_is_no_trouble(worker: serving.Worker) -> None:
    for _ in range(LIMIT):
        worker._connections.enter(worker._connections.whose(DOOR, MANY))
    client, server = socket.socketpair()
    client.close()
    worker.handle(Listening(), server, MANY)
    assert server.fileno() == -1
