"""Connections that are held and not used: each is let go in time, and stops nobody meanwhile."""

from __future__ import annotations

import re
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest

from tests.support import plain, raw, samples
from tests.support.newcomers import newcomer
from tests.support.people import Person
from tests.support.stack import Stack
from tests.support.waiting import eventually
from uploads.documents.model import Document, State

# No database comes to know of what ends before a request is read, nor of what a stop waits for.
pytestmark = pytest.mark.one_database

SECONDS = 180
HELD = 1000
# Of one address: those who are many at a time here come from ten of them.
PER_ADDRESS = 120
MANY, OTHER = "127.0.9.9", "127.0.9.8"


@pytest.fixture(scope="module")
def hasty(make_stack: Callable[..., Stack]) -> Iterator[Stack]:
    """A service of one web process with little patience."""
    made = make_stack(
        UPLOADS_WEB_PROCESSES="1",
        UPLOADS_HEADER_SECONDS="3",
        UPLOADS_IDLE_SECONDS="3",
        UPLOADS_WEB_CONNECTIONS_ADDRESS=str(PER_ADDRESS),
    )
    yield made
    made.close()


@contextmanager
def connections(
    stack: Stack, count: int, start: bytes, address: str | None = None
) -> Iterator[list[socket.socket]]:
    """So many clients that have sent so much, and no more; by themselves a hundred an address."""
    service = ("127.0.0.1", stack.port)
    with ExitStack() as sockets:
        made = []
        for number in range(count):
            source = (address or f"127.0.1.{1 + number // 100}", 0)
            one = sockets.enter_context(socket.create_connection(service, 60, source))
            with suppress(ConnectionError):  # refused already
                one.sendall(start)
            made.append(one)
        yield made


def answers(held: list[socket.socket]) -> list[bytes]:
    """What each was told before it was closed; fails when one is still open in the end."""
    said = {one.fileno(): b"" for one in held}
    by_number = {one.fileno(): one for one in held}
    poll = select.poll()
    for number in said:
        poll.register(number, select.POLLIN)
    deadline = time.monotonic() + SECONDS
    while by_number:
        assert time.monotonic() < deadline, f"{len(by_number)} are still open"
        for number, _ in poll.poll(1000):
            try:
                data = by_number[number].recv(65536)
            except ConnectionResetError:
                data = b""
            said[number] += data
            if not data:
                poll.unregister(number)
                del by_number[number]
    return list(said.values())


def works(stack: Stack) -> bool:
    return plain.get(f"{stack.base_url}/sign-in", timeout=SECONDS).status_code == 200


@pytest.mark.parametrize(
    "start",
    [
        b"POST /api/v1/documents HTTP/1.1\r\nHost: half",
        b"GET / HTTP/1.1\r\nX-Long: " + b"x" * 4000,
        b"G",
    ],
)
def test_half_sent_headers_stop_nobody_and_are_let_go(hasty: Stack, start: bytes) -> None:
    """A thousand of them, and others are served meanwhile; each hears why, and is closed."""
    with connections(hasty, HELD, start) as held:
        assert works(hasty)
        said = answers(held)
    assert all(text.startswith(b"HTTP/1.1 4") for text in said)
    assert all(b"application/problem+json" in text for text in said)


def test_half_sent_headers_of_one_address_are_so_many(hasty: Stack) -> None:
    """Each further one is refused at once; other addresses notice nothing, and it has room again
    when its connections have ended."""
    half, refused = b"GET / HT", 30
    with connections(hasty, PER_ADDRESS + refused, half, MANY) as held:
        assert status_for(hasty, OTHER) == 200
        said = [answered(one) for one in held[PER_ADDRESS:]]
        assert [text[:13] for text in said] == [b"HTTP/1.1 429 "] * refused
        assert status_for(hasty, MANY) == 429
        assert all(text.startswith(b"HTTP/1.1 400 ") for text in answers(held[:PER_ADDRESS]))
    eventually(lambda: status_for(hasty, MANY) == 200, SECONDS)
    scraped = plain.get(f"{hasty.base_url}/metrics").text
    assert re.search(r"^uploads_connections_refused_total [1-9]", scraped, re.MULTILINE)


def status_for(stack: Stack, address: str) -> int:
    """What one more client from there is answered."""
    request = raw.head("GET", "/sign-in", {"Host": f"127.0.0.1:{stack.port}"})
    service = ("127.0.0.1", stack.port)
    with socket.create_connection(service, SECONDS, (address, 0)) as client:
        return raw.exchange_on(client, [request]).status


def answered(client: socket.socket) -> bytes:
    """What was said to its end, which for who is not read may be a reset."""
    said = b""
    with suppress(ConnectionResetError):
        while data := client.recv(65536):
            said += data
    return said


def test_connections_that_say_nothing_are_let_go(hasty: Stack) -> None:
    with connections(hasty, HELD, b"") as held:
        assert works(hasty)
        assert set(answers(held)) == {b""}


def test_idle_connections_are_let_go(hasty: Stack) -> None:
    """One that has had its answer may stay a little, and is closed without a word."""
    request = raw.head("GET", "/sign-in", {"Host": f"127.0.0.1:{hasty.port}"})
    with connections(hasty, 20, request) as held:
        said = answers(held)
    assert all(text.startswith(b"HTTP/1.1 200") and text.count(b"HTTP/1.1") == 1 for text in said)


@pytest.mark.parametrize("garbage", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc" * 20, b"\r\n" * 9000])
def test_garbage_stops_nobody(hasty: Stack, garbage: bytes) -> None:
    """What is no HTTP at all is answered at once, and nobody waits for those who sent it."""
    with connections(hasty, 30, garbage) as held:
        assert works(hasty)
        answers(held)
    assert works(hasty)


def test_a_stop_lets_an_upload_come_to_its_end(hasty: Stack) -> None:
    """SIGTERM in the middle of one: it is taken in whole, while idle connections are closed.

    The last test of this service, which is not started again.
    """
    person = newcomer(hasty, "film")
    content = samples.iso_media(b"isom") + bytes(24 * 1024 * 1024)
    half = len(content) // 2
    with socket.create_connection(("127.0.0.1", hasty.port), SECONDS) as client:
        client.sendall(_head(hasty, person, len(content)) + content[:half])
        eventually(lambda: State.RECEIVING in [one.state for one in _documents(hasty)], SECONDS)
        idle = raw.head("GET", "/sign-in", {"Host": f"127.0.0.1:{hasty.port}"})
        with connections(hasty, 1, idle) as held:
            stopping = threading.Thread(target=hasty.stop)
            stopping.start()
            answers(held)
        eventually(lambda: not _accepts(hasty), SECONDS)
        client.sendall(content[half:])
        assert _answer(client)[0] == 202
        stopping.join(SECONDS)
    assert not stopping.is_alive()
    (document,) = _documents(hasty)
    assert document.state is not State.RECEIVING
    assert document.size == len(content)


def _head(stack: Stack, person: Person, length: int) -> bytes:
    fields = {
        "Host": f"127.0.0.1:{stack.port}",
        "Authorization": f"Bearer {person.key}",
        "Content-Type": "video/mp4",
        "Content-Length": str(length),
    }
    return raw.head("POST", "/api/v1/documents?name=film.mp4", fields)


def _answer(client: socket.socket) -> tuple[int, str | None]:
    answer = raw.answer(client)
    return answer.status, answer.json.get("code")


def _documents(stack: Stack) -> list[Document]:
    """All that the records have: they are there while the service is not."""
    return stack.services().records.read(lambda work: list(work.documents.all()))


def _accepts(stack: Stack) -> bool:
    try:
        socket.create_connection(("127.0.0.1", stack.port), 1).close()
    except OSError:
        return False
    return True
