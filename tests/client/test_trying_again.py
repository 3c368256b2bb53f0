"""What broke is sent again where that is safe, and nothing is done twice."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable

import httpx
import pytest

from tests.support.films import MIB, film
from tests.support.grants import TEXT, used
from tests.support.meddling import Meddling, breaking, first, posts, puts, unanswered
from tests.support.people import PATIENCE, Person
from tests.support.stack import Stack
from uploads_client import Client, NotReachable, UploadsError

pytestmark = pytest.mark.one_database

MakeClient = Callable[..., Client]
# More than the kernel holds of a connection that nobody reads.
LARGE = 24 * MIB


def test_a_streamed_file_whose_connection_breaks_is_sent_again(
    stack: Stack, make_client: MakeClient
) -> None:
    """Reset in the middle by a real proxy; what was counted of it is taken back."""
    content = film(LARGE)
    told: list[int] = []
    with breaking(stack.base_url, after=MIB) as (through, brought):
        client = make_client(transport=Meddling(through))
        found = client.upload(
            content, name="film.mp4", method="stream", progress=lambda sent, _: told.append(sent)
        )
        assert brought[0] > MIB
        assert sum(brought[1:]) > len(content)
        settled = client.wait(found, PATIENCE)
    assert told[-1] == len(content)
    assert 0 in told
    assert (settled.state, settled.sha256) == ("clean", hashlib.sha256(content).hexdigest())


def test_parts_whose_connection_breaks_are_sent_again(
    stack: Stack, make_client: MakeClient
) -> None:
    content = film(LARGE)
    store = stack.services().settings.s3_endpoint
    assert store is not None
    with breaking(store, after=MIB) as (through, brought):
        client = make_client(transport=Meddling(through))
        found = client.upload(content, name="film.mp4", method="multipart")
        assert brought[0] > MIB
        assert sum(brought[1:]) > len(content) // 2
    settled = client.wait(found, PATIENCE)
    assert (settled.state, settled.sha256) == ("clean", hashlib.sha256(content).hexdigest())


@pytest.mark.parametrize("lost", ["/uploads", "/complete"])
def test_an_answer_that_is_lost_is_asked_for_again(
    lost: str, make_client: MakeClient, person: Person
) -> None:
    """Under the same key: there is one grant, and it becomes one document."""
    transport = Meddling(first(posts(lost), unanswered))
    found = make_client(transport=transport).upload(TEXT, name="a.txt", method="put")
    asked = [one for one in transport.seen if posts(lost)(one)]
    assert len(asked) == 2
    assert len({one.headers["Idempotency-Key"] for one in asked}) == 1
    assert used(person) == (len(TEXT), 1)
    assert [one["id"] for one in person.documents()] == [found.id]


def test_a_streamed_file_whose_answer_is_lost_is_sent_again(
    make_client: MakeClient, person: Person
) -> None:
    """Under the same key: it is one document, whichever of the two made it."""
    transport = Meddling(first(posts("/documents"), unanswered))
    found = make_client(transport=transport).upload(TEXT, name="a.txt", method="stream")
    asked = [one for one in transport.seen if posts("/documents")(one)]
    assert len(asked) == 2
    assert len({one.headers["Idempotency-Key"] for one in asked}) == 1
    assert found.sent_sha256 == hashlib.sha256(TEXT).hexdigest()
    assert [one["id"] for one in person.documents()] == [found.id]
    assert used(person) == (len(TEXT), 1)


def test_a_stream_that_is_gone_is_not_sent_again(make_client: MakeClient, person: Person) -> None:
    """Its last byte went, its answer never came: the caller is told so, and looks."""

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    transport = Meddling(first(posts("/documents"), unanswered))
    with pytest.raises(NotReachable):
        make_client(transport=transport).upload(Pipe(TEXT), name="a.txt")
    assert sum(posts("/documents")(one) for one in transport.seen) == 1
    assert len(person.documents()) == 1


@pytest.mark.parametrize(
    ("member", "value"), [("X-Amz-Date", "20200101T000000Z"), ("X-Amz-Signature", "0" * 64)]
)
def test_a_request_that_the_store_no_longer_takes_is_signed_anew(
    member: str, value: str, make_client: MakeClient, person: Person
) -> None:
    """The store's own word: of a time that is over, and of a signature that does not hold."""

    def spoil(transport: Meddling, request: httpx.Request) -> None:
        request.url = request.url.copy_set_param(member, value)

    transport = Meddling(first(puts, spoil))
    client = make_client(transport=transport)
    found = client.upload(TEXT, name="a.txt", method="put")
    assert sum(puts(one) for one in transport.seen) == 2
    assert sum(posts("/parts")(one) for one in transport.seen) == 1
    client.wait(found, PATIENCE)
    assert person.content(found.id) == TEXT


def test_a_part_that_never_arrived_is_sent_when_it_is_missed(
    make_client: MakeClient, person: Person
) -> None:
    """Somebody on the way said 200 and lost it: completion names it, and it is sent again."""

    def lose(transport: Meddling, request: httpx.Request) -> httpx.Response:
        request.read()
        return httpx.Response(200, request=request)

    transport = Meddling(first(puts, lose))
    client = make_client(transport=transport)
    found = client.upload(TEXT, name="a.txt", method="multipart")
    assert sum(puts(one) for one in transport.seen) == 2
    client.wait(found, PATIENCE)
    assert person.content(found.id) == TEXT


def test_a_decision_is_not_asked_for_again(make_client: MakeClient) -> None:
    transport = Meddling()
    with pytest.raises(UploadsError):
        make_client(transport=transport).upload(b"MZ", name="a.exe", method="put")
    assert len(transport.seen) == 1
