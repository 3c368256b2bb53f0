"""The wire to the store: what goes over it, and what becomes of a connection that fails."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from uploads.storage import wire as wire_module
from uploads.storage.wire import Answer, Broken, Wire

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
Act = Callable[[socket.socket], None]


class Peer:
    """A server that does one act a connection, and notes what the acts noted."""

    def __init__(self, *acts: Act) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._acts = acts
        self.connections = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        for act in self._acts:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                act(connection)

    def close(self) -> None:
        self._listener.close()
        self._thread.join(30)


@contextmanager
def peer(*acts: Act) -> Iterator[Peer]:
    made = Peer(*acts)
    try:
        yield made
    finally:
        made.close()


def request(connection: socket.socket) -> bytes:
    """One request as it came, by its Content-Length where it has one; nothing at the end."""
    got = b""
    while b"\r\n\r\n" not in got:
        data = connection.recv(65536)
        if not data:
            return b""
        got += data
    head, _, body = got.partition(b"\r\n\r\n")
    size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
    while len(body) < size:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def answering(*answers: bytes, seen: list[bytes] | None = None) -> Act:
    """Answer so many requests on one connection, then end it."""

    def act(connection: socket.socket) -> None:
        for one in answers:
            got = request(connection)
            if not got:
                return
            if seen is not None:
                seen.append(got)
            connection.sendall(one)

    return act


def refusing(answer: bytes) -> Act:
    """Answer before the body was read."""

    def act(connection: socket.socket) -> None:
        connection.recv(1024)
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass

    return act


def put(wire: Wire, server: Peer, *pieces: bytes) -> tuple[int, bytes]:
    size = sum(map(len, pieces))
    answer = wire.put(f"{server.url}/b/k?sign=1", {"Content-Type": "text/plain"}, pieces, size)
    return answer.status, answer.body


def test_what_is_sent_is_one_request_to_the_letter() -> None:
    seen: list[bytes] = []
    with peer(answering(OK, seen=seen)) as server:
        assert put(Wire(server.url), server, b"he", b"llo") == (200, b"")
        head = (
            f"PUT /b/k?sign=1 HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
            "Content-Length: 5\r\nContent-Type: text/plain\r\n\r\n"
        )
    assert seen == [head.encode() + b"hello"]


@pytest.mark.parametrize("size", [1, 7_000, 5_000_000])
def test_a_body_arrives_whole_however_it_is_cut(size: int) -> None:
    body = bytes(range(256)) * (20_000_000 // 256)
    seen: list[bytes] = []
    pieces = [body[at : at + size] for at in range(0, min(len(body), size * 2000), size)]
    with peer(answering(OK, seen=seen)) as server:
        assert put(Wire(server.url), server, *pieces)[0] == 200
    assert seen[0].partition(b"\r\n\r\n")[2] == b"".join(pieces)


def test_a_connection_is_used_again() -> None:
    with peer(answering(OK, OK, OK)) as server:
        wire = Wire(server.url)
        assert [put(wire, server, b"x")[0] for _ in range(3)] == [200] * 3
        assert server.connections == 1


@pytest.mark.parametrize("last", [OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), OK])
def test_a_connection_that_the_server_ended_is_replaced(last: bytes) -> None:
    """Said beforehand or not: the next request goes over a new one, and nothing is lost."""
    with peer(answering(last), answering(OK)) as server:
        wire = Wire(server.url)
        assert put(wire, server, b"x")[0] == 200
        assert put(wire, server, b"y")[0] == 200
        assert server.connections == 2


def test_a_server_that_hangs_is_asked_once_more_however_many_connections_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wire_module, "SILENCE_SECONDS", 0.05)
    asked, honest = [], wire_module._Connection.exchange

    def noted(self: Any, *arguments: Any) -> Answer:
        asked.append(self)
        return honest(self, *arguments)

    monkeypatch.setattr(wire_module._Connection, "exchange", noted)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        wire = Wire(url)
        for connection, _ in [wire._take() for _ in range(8)]:
            wire._keep(connection)
        with pytest.raises(Broken, match="TimeoutError"):
            wire.put(f"{url}/b/k", {}, [b"x"], 1)
    assert len(asked) == 2


def test_an_early_refusal_is_heard() -> None:
    """Nobody waits for a body that the server does not want."""
    refusal = b"HTTP/1.1 507 No\r\nContent-Length: 4\r\nConnection: close\r\n\r\nfull"
    with peer(refusing(refusal)) as server:
        assert put(Wire(server.url), server, *[bytes(1024 * 1024)] * 32) == (507, b"full")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"no HTTP at all\r\n\r\n",
        b"HTTP/1.1 400 No\r\nContent-Length: 400000\r\n\r\n" + bytes(400_000),
    ],
    ids=["none", "half a head", "half a body", "half of chunks", "no HTTP", "too long"],
)
def test_what_is_no_whole_answer_is_none(answer: bytes) -> None:
    with peer(answering(answer)) as server, pytest.raises(Broken):
        put(Wire(server.url), server, b"x")


def test_a_server_that_is_not_there_is_said() -> None:
    with peer() as server:
        pass
    with pytest.raises(Broken, match="ConnectionRefusedError"):
        put(Wire(server.url), server, b"x")


def test_a_body_that_fails_ends_its_connection() -> None:
    """Half a request must not become the beginning of the next one."""

    def failing() -> Iterator[bytes]:
        yield b"x"
        raise ValueError("no more")

    def read_on(connection: socket.socket) -> None:
        while connection.recv(65536):
            pass

    with peer(read_on, answering(OK)) as server:
        wire = Wire(server.url)
        with pytest.raises(ValueError, match="no more"):
            wire.put(f"{server.url}/k", {}, failing(), 10)
        assert put(wire, server, b"y")[0] == 200
        assert server.connections == 2


STORED = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nLast-Modified: Sun, 22 Nov 2026 12:00:00 GMT\r\n\r\n"
)


def test_a_head_is_whole_with_its_fields_and_its_connection_used_again() -> None:
    """It tells the length of a body that never comes."""
    seen: list[bytes] = []
    with peer(answering(STORED, STORED, OK, seen=seen)) as server:
        wire = Wire(server.url)
        answers = [wire.head(f"{server.url}/b/k?sign=1") for _ in range(2)]
        assert put(wire, server, b"x")[0] == 200
        assert server.connections == 1
    head = f"HEAD /b/k?sign=1 HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n"
    assert seen[:2] == [head.encode()] * 2
    assert {(one.status, one.body, one.fields["content-length"]) for one in answers} == {
        (200, b"", "5")
    }


def test_a_body_where_none_belongs_is_nobodys_answer() -> None:
    wrong = OK.replace(b"200", b"500")
    with peer(answering(STORED + b"HTTP/", wrong), answering(OK)) as server:
        wire = Wire(server.url)
        assert wire.head(f"{server.url}/k").status == 200
        assert put(wire, server, b"x") == (200, b"")
        assert server.connections == 2


@pytest.mark.parametrize(
    ("answer", "expected", "connections"),
    [
        (b"HTTP/1.1 206 Some\r\nContent-Length: 4\r\n\r\nabcd", b"abcd", 1),
        (b"HTTP/1.1 206 Some\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", b"ab", 1),
        (b"HTTP/1.1 206 Some\r\nContent-Length: 2\r\n\r\nab", b"ab", 1),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nabcdefgh", b"abcd", 1),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 800000\r\n\r\nabcdefgh", b"abcd", 2),
        (b"HTTP/1.1 404 No\r\nContent-Length: 12\r\n\r\nNoSuchBucket", b"NoSuchBucket", 1),
    ],
    ids=["exact", "chunked", "fewer", "all at once", "far more", "a refusal"],
)
def test_the_first_bytes_and_no_more(answer: bytes, expected: bytes, connections: int) -> None:
    """What is not read ends its connection; why something is refused is read whole."""
    seen: list[bytes] = []
    # After the first answer the connection stays open for whoever takes it again.
    acts = [answering(answer, OK, seen=seen), answering(OK)]
    with peer(*acts[:connections]) as server:
        wire = Wire(server.url)
        found = wire.first(f"{server.url}/b/k", {"Range": "bytes=0-3"}, 4)
        assert found.body == expected
        assert put(wire, server, b"x") == (200, b"")
        assert server.connections == connections
    assert seen[0].startswith(b"GET /b/k HTTP/1.1\r\n")
    assert b"\r\nRange: bytes=0-3\r\n" in seen[0]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 206 Some\r\nContent-Le",
        b"HTTP/1.1 206 Some\r\nContent-Length: 4\r\n\r\nab",
        b"HTTP/1.1 206 Some\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
        b"HTTP/1.1 404 No\r\nContent-Length: 400000\r\n\r\n" + bytes(400_000),
    ],
    ids=["none", "half a head", "half a body", "half of chunks", "a refusal too long"],
)
def test_first_bytes_that_break_off_are_none(answer: bytes) -> None:
    with peer(answering(answer)) as server, pytest.raises(Broken):
        Wire(server.url).first(f"{server.url}/k", {}, 4)


def test_a_kept_connection_that_died_costs_no_answer() -> None:
    with peer(answering(STORED), answering(STORED)) as server:
        wire = Wire(server.url)
        assert [wire.head(f"{server.url}/k").status for _ in range(2)] == [200, 200]
        assert server.connections == 2
