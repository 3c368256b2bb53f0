"""Bodies in chunks (RFC 9112, section 7.1): what they cost is bounded by what they hold."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.http.body import Body, ChunkedReader
from gunicorn.http.unreader import SocketUnreader

from tests.support.raw import chunked
from uploads import deadlines, inbound
from uploads.documents.errors import Malformed
from uploads.inbound import Inbound


class Sender:
    """A client that sends a body while it is read."""

    def __init__(self, body: bytes) -> None:
        self._ours, self._theirs = socket.socketpair()
        line = deadlines.Line(self._ours)
        self.source = Body(ChunkedReader(SimpleNamespace(), SocketUnreader(line)))
        self.inbound = Inbound(self.source, None, line)
        self._sending = threading.Thread(target=self._send, args=(body,))
        self._sending.start()

    def _send(self, body: bytes) -> None:
        try:
            self._theirs.sendall(body)
        except OSError:
            return  # what is refused is not read to its end

    def pieces(self) -> list[bytes]:
        return list(iter(self.inbound.piece, b""))

    def close(self) -> None:
        self._ours.close()
        self._sending.join()
        self._theirs.close()


@pytest.fixture
def sending() -> Iterator[Any]:
    made: list[Sender] = []

    def send(body: bytes) -> Sender:
        made.append(Sender(body))
        return made[-1]

    yield send
    for one in made:
        one.close()


def in_chunks_of(size: int, count: int) -> bytes:
    return b"".join(chunked([b"x" * size] * count))


def test_chunks_that_come_together_are_one_piece(sending: Any) -> None:
    """Eight kilobytes are read at once: 1,365 chunks of a byte, or a part of one."""
    pieces = sending(in_chunks_of(1, 6000)).pieces()
    assert b"".join(pieces) == b"x" * 6000
    # One for each read of at most 8 KiB, and the first chunk alone.
    assert len(pieces) < 100


def test_a_body_that_is_mostly_framing_is_refused(sending: Any) -> None:
    """A megabyte in chunks of a byte costs more than a gigabyte in large ones."""
    sender = sending(in_chunks_of(1, 100_000))
    with pytest.raises(Malformed, match="too many small chunks"):
        sender.pieces()
    assert sender.source.failed
    assert sender.inbound.taken < 20_000


def test_what_stands_beside_a_chunks_size_is_framing(sending: Any) -> None:
    """Extensions of chunks are bytes that nobody is charged for (RFC 9112, section 7.1.1)."""
    sender = sending((b"1;a=" + b"y" * 8000 + b"\r\nx\r\n") * 100)
    with pytest.raises(Malformed, match="too many small chunks"):
        sender.pieces()


def test_chunks_of_a_line_each_are_taken(sending: Any) -> None:
    """A program that sends what it prints, line by line."""
    pieces = sending(in_chunks_of(24, 50_000)).pieces()
    assert sum(map(len, pieces)) == 24 * 50_000


def test_crumbs_are_let_gather(sending: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each packet would be a piece, and wake a process for a byte."""
    pauses: list[float] = []
    monkeypatch.setattr(inbound.time, "sleep", pauses.append)
    monkeypatch.setattr(inbound, "_CRUMB", 1024 * 1024)
    monkeypatch.setattr(inbound, "_CRUMBS", 3)
    pieces = sending(in_chunks_of(8000, 10)).pieces()
    assert pauses == [0.01] * (len(pieces) + 1 - 3)
    pauses.clear()
    monkeypatch.setattr(inbound, "_CRUMB", 1)
    sending(in_chunks_of(8000, 10)).pieces()
    assert pauses == []


def test_who_never_waits_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sends faster than its bytes are dealt with would be the only one who is served."""
    ways: list[int] = []
    monkeypatch.setattr(deadlines, "give_way", lambda: ways.append(1))
    monkeypatch.setattr(deadlines, "_TURN", -1.0)
    monkeypatch.setattr(deadlines, "_WAITED", 3600.0)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        line = deadlines.Line(ours)
        theirs.sendall(b"abc")
        assert [line.recv(1) for _ in "abc"] == [b"a", b"b", b"c"]
        assert len(ways) == 3
        # What was waited for has let others in meanwhile.
        monkeypatch.setattr(deadlines, "_WAITED", -1.0)
        theirs.sendall(b"d")
        assert line.recv(1) == b"d"
        assert len(ways) == 3
