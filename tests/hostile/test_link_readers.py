"""Holders of links who read slowly or never, and a store that has other bytes than it should."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, closing

import httpx
import pytest

from tests.support import raw
from tests.support.links import clean, got, shared, ticket
from tests.support.people import Person
from tests.support.stack import Stack
from tests.support.waiting import eventually
from uploads.storage.protocol import Bucket

# Nothing of this has to do with the database: once is enough.
pytestmark = pytest.mark.one_database

LARGE = b"".join(b"line %07d of a plain text\n" % number for number in range(300_000))
READERS = 100  # more than there are places, threads and connections of any kind


@pytest.fixture(scope="module")
def large(alice: Person) -> str:
    return clean(alice, "large.txt", LARGE)


def stalled(stack: Stack, address: str) -> socket.socket:
    """A reader that has taken the first bytes of an answer and takes no more."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(180)
    connection.connect(("127.0.0.1", stack.port))
    url = httpx.URL(address)
    connection.sendall(raw.head("GET", url.path, {"Host": url.netloc.decode()}))
    assert connection.recv(12) == b"HTTP/1.1 200"
    return connection


def torn(connection: socket.socket) -> None:
    """End it with a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def test_many_who_do_not_read_cost_the_others_nothing(
    stack: Stack, alice: Person, large: str
) -> None:
    """While they stand there, links are made and files fetched as ever, and memory is bounded."""
    link = shared(alice, large)
    address = ticket(alice, link["url"])
    before, store = stack.web_rss(), stack.store_rss()
    with ExitStack() as ends:
        for _ in range(READERS):
            ends.enter_context(closing(stalled(stack, address)))
        assert got(alice, shared(alice, large)["url"]).content == LARGE
        assert alice.api.get("/links").status_code == 200
        # A piece of 256 KiB each, what is read ahead of it and what Python holds around it: a
        # quarter of what the file would take.
        assert stack.web_rss() - before < READERS * 2 * 1024 * 1024
        # Nor does the store read ahead for who does not read: it would take a whole file each.
        assert stack.store_rss() - store < READERS * 1024 * 1024
    assert got(alice, address).content == LARGE


def test_whoever_lost_the_connection_has_the_rest_back(
    stack: Stack, alice: Person, large: str
) -> None:
    """What a reader held of its download's allowance is there again after a reset."""
    address = ticket(alice, shared(alice, large, max_downloads=1)["url"])
    reader = stalled(stack, address)
    torn(reader)
    answers: list[httpx.Response] = []

    def whole() -> bool:
        answers.append(got(alice, address))
        return answers[-1].status_code == 200

    eventually(whole, 120)
    assert answers[-1].content == LARGE


@pytest.fixture
def spoiled(stack: Stack, alice: Person) -> Iterator[tuple[str, str]]:
    """A document whose last byte was changed in the store, and one that stayed as it was."""
    made = [clean(alice, f"{name}.txt", LARGE[:2_000_000]) for name in ("spoiled", "whole")]
    services = stack.services()
    document = services.records.read(lambda work: work.documents.find(made[0]))
    assert document is not None
    assert document.clean_key is not None
    data = LARGE[: 2_000_000 - 1] + b"!"
    services.storage.put(Bucket.CLEAN, document.clean_key, [data], len(data))
    yield made[0], made[1]
    # Or what looks at everything at the end would find it.
    alice.discard(*made)


def test_other_bytes_than_the_inspected_never_look_whole(
    alice: Person, spoiled: tuple[str, str]
) -> None:
    """The connection breaks before the last of them, for one file and for an archive."""
    wrong, right = spoiled
    for documents in ([wrong], [right, wrong]):
        address = ticket(alice, shared(alice, *documents)["url"])
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            got(alice, address)
    assert got(alice, shared(alice, right)["url"]).content == LARGE[:2_000_000]
