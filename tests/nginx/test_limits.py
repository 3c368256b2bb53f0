"""What one client may hold: connections, requests, time."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from tests.support import raw
from tests.support.nginx import APP, Nginx
from tests.support.people import PATIENCE
from tests.support.waiting import eventually

pytestmark = pytest.mark.one_database
UNDER_WAY = 100
BURST = 200
# A small body that does not come: nginx waits for it, and the service hears nothing of it.
WAITING = raw.head(
    "POST", "/sign-in", {"Host": APP, "Content-Length": "10", "X-Test-Peer": "198.51.100.1"}
)
PEERS = "set_real_ip_from 127.0.0.1; real_ip_header X-Test-Peer; keepalive_timeout 30s;"


@pytest.fixture
def server() -> Iterator[Nginx]:
    """nginx before a service that is not running; it believes what a test says of its address."""
    found = Nginx(changes={"keepalive_timeout 30s;": PEERS, "rate=50r/s": "rate=1r/m"})
    yield found.start()
    found.close()


@pytest.fixture
def hurried() -> Iterator[Nginx]:
    """The same with short times."""
    changes = {
        "client_header_timeout 15s;": "client_header_timeout 1s;",
        "client_body_timeout 40s;": "client_body_timeout 1s;",
    }
    found = Nginx(changes=changes)
    yield found.start()
    found.close()


def status(server: Nginx, peer: str) -> int:
    request = raw.head("GET", "/sign-in", {"Host": APP, "X-Test-Peer": peer})
    return server.exchange(request).status


def test_one_address_has_so_many_requests_under_way(server: Nginx) -> None:
    """The next one is 429 with a time to wait; other addresses notice nothing."""
    with ExitStack() as held:
        for _ in range(UNDER_WAY):
            held.enter_context(server.connect()).sendall(WAITING)
        # They are counted as they are read, by several processes.
        refused = eventually(lambda: refusal(server, "198.51.100.1"), PATIENCE, every=0.5)
        assert refused.code == "rate-limited"
        assert refused.headers["retry-after"] == "5"
        assert status(server, "198.51.100.2") == 502
    # It was them that stood in the way.
    eventually(lambda: status(server, "198.51.100.1") == 502, PATIENCE, every=0.5)


def refusal(server: Nginx, peer: str) -> raw.Answer | None:
    request = raw.head("GET", "/sign-in", {"Host": APP, "X-Test-Peer": peer})
    answer = server.exchange(request)
    return answer if answer.status == 429 else None


def test_one_address_begins_so_many_requests(server: Nginx) -> None:
    """Past the burst each is 429; an IPv6 client is its /64, so further addresses do not help."""
    with server.connect() as connection:
        statuses = [raw_status(connection, f"2001:db8::{number:x}") for number in range(BURST + 2)]
    assert statuses == [502] * (BURST + 1) + [429]
    assert status(server, "2001:db8::ffff:1:2:3") == 429
    assert status(server, "2001:db8:0:1::1") == 502
    assert status(server, "198.51.100.3") == 502


def raw_status(connection: ssl.SSLSocket, peer: str) -> int:
    """The status of one more request on a connection that stays open."""
    request = raw.head("GET", "/sign-in", {"Host": APP, "X-Test-Peer": peer})
    return raw.exchange_on(connection, [request]).status


@pytest.mark.parametrize(
    "start",
    [
        b"GET /sign-in HTTP/1.1\r\nHost: uploads.test\r\nX: ",
        b"POST /sign-in HTTP/1.1\r\nHost: uploads.test\r\nContent-Length: 10\r\n\r\n1234",
        b"",
    ],
)
def test_who_stops_in_the_middle_is_let_go(hurried: Nginx, start: bytes) -> None:
    """Half a header, half a small body, or nothing at all: the connection ends by itself."""
    with hurried.connect() as connection:
        connection.sendall(start)
        with suppress(ConnectionResetError):
            assert connection.recv(1000) == b""


def test_dripping_headers_end_as_well(hurried: Nginx) -> None:
    """The time is for all headers together: a byte now and then does not extend it."""
    with hurried.connect() as connection:
        connection.sendall(b"GET /sign-in HTTP/1.1\r\nHost: uploads.test\r\n")
        connection.settimeout(0.2)
        for _ in range(150):
            try:
                connection.sendall(b"X: y\r\n")
                assert connection.recv(1000) == b""
                return
            except TimeoutError:
                continue
            except (ConnectionError, ssl.SSLError):
                return
    pytest.fail("after thirty seconds of dripping the connection is still open")


def test_no_handshake_no_connection(hurried: Nginx) -> None:
    """A connection that never speaks TLS ends, too."""
    with socket.create_connection(("127.0.0.1", hurried.port), timeout=raw.SECONDS) as connection:
        assert connection.recv(1000) == b""
