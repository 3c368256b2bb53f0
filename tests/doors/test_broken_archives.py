"""Archives that cannot be sent as announced, since a document went while they were sent."""

from __future__ import annotations

import httpx
import pytest

from tests.support.links import clean, got, shared, stranger, ticket
from tests.support.people import PATIENCE, Person
from tests.support.waiting import eventually

pytestmark = pytest.mark.one_database

SHORT = b"a plain text, long enough to be one\n"
LONG = b"".join(b"line %06d of a plain text\n" % number for number in range(960_000))


def test_an_archive_whose_member_goes_breaks_off_in_one_line(alice: Person) -> None:
    """It is never taken for whole, and nobody fills the log with the service's calls."""
    long = clean(alice, "long.txt", LONG)  # more than lies between the two on its way
    gone, kept = clean(alice, "gone.txt", SHORT), clean(alice, "kept.txt", SHORT * 2)
    address = ticket(alice, shared(alice, long, gone, kept)["url"])
    log = alice.stack.log
    before = log.stat().st_size
    came = bytearray()

    def take() -> None:
        for piece in pieces:
            came.extend(piece)

    with stranger(alice) as client, client.stream("GET", address) as answer:
        pieces = answer.iter_raw()
        came += next(pieces)
        alice.discard(gone)
        with pytest.raises(httpx.RemoteProtocolError):
            take()
    assert len(LONG) <= len(came) < int(answer.headers["Content-Length"])
    eventually(lambda: b"answer_broken_off" in log.read_bytes()[before:], PATIENCE)
    assert b"Traceback" not in log.read_bytes()[before:]
    assert got(alice, shared(alice, kept)["url"]).content == SHORT * 2
