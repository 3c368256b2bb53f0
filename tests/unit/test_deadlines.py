"""A client's line: what is read of it when, and that all of an answer goes out."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from uploads.deadlines import Line, send_whole


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_what_comes_first_is_read_at_once(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    line = Line(ours)
    theirs.sendall(b"GET / HTTP/1.1")
    assert line.first(60) == b"GET / HTTP/1.1"
    assert line.received == 14
    theirs.close()
    assert line.first(60) == b""


def test_nothing_comes_of_a_client_that_is_silent(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    line = Line(pair[0])
    assert line.first(0.01) == b""
    assert line.received == 0


def test_more_than_the_kernel_takes_at_once_goes_out_whole(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair
    ours.setblocking(True)
    data = bytes(range(256)) * 16384
    sender = threading.Thread(target=send_whole, args=(ours, data))
    sender.start()
    came = bytearray()
    while len(came) < len(data):
        came += theirs.recv(65536)
    sender.join()
    assert came == data


def test_a_client_that_reads_nothing_is_not_waited_for(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    pair[0].settimeout(0.01)
    with pytest.raises(TimeoutError):
        send_whole(pair[0], bytes(16 * 1024 * 1024))


def test_a_client_whose_network_is_gone_is_let_go_within_two_minutes() -> None:
    """By the kernel (TCP_USER_TIMEOUT); nobody tells us that it will never acknowledge."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()),
        server.accept()[0] as ours,
    ):
        Line(ours)
        assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 120_000
