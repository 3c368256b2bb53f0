"""Files go up by the way that fits them, and what is inspected is what was sent."""

from __future__ import annotations

import hashlib
import io
import os
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.support.films import MIB, film
from tests.support.grants import TEXT, refusal, used
from tests.support.meddling import Meddling, first, posts, puts
from tests.support.people import PATIENCE, Person
from uploads_client import Client, DigestMismatch, Method, UploadsError

pytestmark = pytest.mark.one_database

MakeClient = Callable[..., Client]


def ways(transport: Meddling) -> list[str]:
    """How files were sent: what each request that opened a door asked for."""
    asked = [one for one in transport.seen if one.method == "POST"]
    return [one.url.path.rpartition("/")[2] for one in asked]


@pytest.mark.parametrize("method", ["stream", "put", "multipart", "auto"])
def test_a_file_goes_up_each_way_and_comes_out_clean(
    method: Method, client: Client, person: Person
) -> None:
    found = client.upload(TEXT, name="ä note.txt", type="text/plain", method=method)
    assert found.sent_sha256 == hashlib.sha256(TEXT).hexdigest()
    found = client.wait(found, PATIENCE)
    assert (found.state, found.served, found.name) == ("clean", True, "ä note.txt")
    assert (found.size, found.sha256) == (len(TEXT), found.sent_sha256)
    assert found.verdict is not None
    assert found.verdict.engines
    assert person.content(found.id) == TEXT


def test_the_size_decides_about_the_way(make_client: MakeClient) -> None:
    """Up to one bound it streams, up to the other by one PUT, above in parts."""
    transport = Meddling()
    client = make_client(transport=transport, stream_up_to=len(TEXT) - 1, put_up_to=len(TEXT))
    client.upload(TEXT[:-1], name="a.txt")
    assert ways(transport) == ["documents"]
    client.upload(TEXT, name="b.txt")
    last = client.upload(TEXT + b"!", name="c.txt")
    asked = [one.content for one in transport.seen if posts("/uploads")(one)]
    assert [b'"method":"put"' in asked[0], b'"method":"multipart"' in asked[1]] == [True, True]
    assert len(asked) == 2
    ends = [one.content for one in transport.seen if posts("/complete")(one)]
    promises = [b"sha256" in one for one in (*asked, *ends)]
    assert promises == [True, False, True, True]  # parts are hashed while they are sent
    assert last.sent_sha256 == hashlib.sha256(TEXT + b"!").hexdigest()


def test_parts_go_up_at_the_same_time(make_client: MakeClient) -> None:
    """Each of three parts waits for the others to be under way; the progress ends at the size."""
    content = film(33 * MIB)
    together = threading.Barrier(3, timeout=PATIENCE)
    firsts = iter(range(3))

    def meet(transport: Meddling, request: httpx.Request) -> None:
        # One that is sent again would wait for others that are done: rclone answers 500 now and
        # then to a part that comes together with the first of its folder.
        if puts(request) and next(firsts, None) is not None:
            together.wait()

    told: list[tuple[int, int | None]] = []
    client = make_client(transport=Meddling(meet), put_up_to=MIB)
    found = client.upload(
        io.BytesIO(content), name="film.mp4", progress=lambda *now: told.append(now)
    )
    assert told[-1] == (len(content), len(content))
    assert [sent for sent, _ in told] == sorted(sent for sent, _ in told)
    found = client.wait(found, PATIENCE)
    assert (found.state, found.sha256) == ("clean", hashlib.sha256(content).hexdigest())


def test_a_path_brings_its_name(client: Client, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_bytes(TEXT)
    assert client.upload(tmp_path / "note.txt").name == "note.txt"
    with (tmp_path / "note.txt").open("rb") as stream:
        stream.seek(36)
        found = client.upload(stream)
    assert (found.name, found.size) == ("note.txt", len(TEXT) - 36)


def test_a_stream_that_comes_once_is_streamed(make_client: MakeClient, person: Person) -> None:
    """Of any length: nobody knows it before."""
    transport = Meddling()
    client = make_client(transport=transport, stream_up_to=1)
    read, write = os.pipe()
    with os.fdopen(write, "wb") as end:
        end.write(TEXT)
    told: list[tuple[int, int | None]] = []
    with os.fdopen(read, "rb") as stream:
        found = client.upload(stream, name="a.txt", progress=lambda *now: told.append(now))
    assert ways(transport) == ["documents"]
    assert told == [(len(TEXT), None)]
    assert client.wait(found, PATIENCE).served
    assert person.content(found.id) == TEXT


@pytest.mark.parametrize("method", ["stream", "put"])
def test_a_refusal_says_what_the_service_said(
    method: Method, client: Client, person: Person
) -> None:
    with pytest.raises(UploadsError) as refused:
        client.upload(b"MZ" + bytes(100), name="setup.exe", method=method)
    assert (refused.value.status, refused.value.code) == (415, "type-not-allowed")
    assert refused.value.request_id
    assert "allowed" in refused.value.members
    assert used(person) == (0, 0)


@pytest.mark.parametrize("method", ["stream", "put"])
def test_what_is_too_large_is_refused_before_it_is_read(
    method: Method, make_client: MakeClient, tmp_path: Path
) -> None:
    """By what the service says of itself; the file is a hole of a terabyte, or of 5 GiB."""
    size = {"stream": 1024**4, "put": 5 * 1024**3}[method]
    with (tmp_path / "photo.jpg").open("wb") as hole:
        hole.truncate(size)

    def read(done: int, total: int | None) -> None:
        raise AssertionError("it is read")

    transport = Meddling()
    with pytest.raises(UploadsError) as refused:
        make_client(transport=transport).upload(tmp_path / "photo.jpg", method=method, reading=read)
    assert (refused.value.code, len(transport.seen)) == ("file-too-large", 1)
    assert 0 < refused.value.members["limit"] < size


def test_an_upload_that_fails_is_aborted(make_client: MakeClient, person: Person) -> None:
    """A store that takes nothing: the error is its own, and the room is back."""

    def broken(transport: Meddling, request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(500, request=request) if puts(request) else None

    transport = Meddling(broken)
    with pytest.raises(UploadsError) as failed:
        make_client(transport=transport).upload(TEXT, name="a.txt", method="put")
    assert (failed.value.status, failed.value.code) == (500, "http-500")
    assert sum(puts(one) for one in transport.seen) == 5
    assert used(person) == (0, 0)
    path = transport.seen[-1].url.path.removeprefix("/api/v1")
    assert person.api.get(path).json()["state"] == "aborted"


def test_who_is_stopped_aborts_too(make_client: MakeClient, person: Person) -> None:
    """Ctrl-C comes in the middle of a part."""

    def stop(sent: int, total: int | None) -> None:
        raise KeyboardInterrupt

    transport = Meddling()
    with pytest.raises(KeyboardInterrupt):
        make_client(transport=transport).upload(TEXT, name="a.txt", method="put", progress=stop)
    assert transport.seen[-1].method == "DELETE"
    assert used(person) == (0, 0)


def altered(transport: Meddling, request: httpx.Request) -> httpx.Response:
    """The same request with one byte changed on the way."""
    body = bytearray(b"".join(request.stream))  # type: ignore[arg-type]
    body[-2] ^= 1
    headers = {k: v for k, v in request.headers.items() if k.lower() != "transfer-encoding"}
    changed = httpx.Request(request.method, request.url, headers=headers, content=bytes(body))
    return transport.real.handle_request(changed)


def test_bytes_that_change_on_their_way_are_never_taken(
    make_client: MakeClient, person: Person
) -> None:
    """A promised digest is the service's to check; without one the answer tells."""
    client = make_client(transport=Meddling(first(posts("/documents"), altered)))
    with pytest.raises(DigestMismatch) as refused:
        client.upload(TEXT, name="a.txt", method="stream")
    assert refused.value.status == 422
    assert used(person) == (0, 0)


def test_a_stream_that_changes_on_its_way_is_deleted(
    make_client: MakeClient, person: Person
) -> None:
    class Once(io.BytesIO):
        def seekable(self) -> bool:
            return False

    client = make_client(transport=Meddling(first(posts("/documents"), altered)))
    with pytest.raises(DigestMismatch) as refused:
        client.upload(Once(TEXT), name="a.txt")
    assert refused.value.status is None
    assert person.documents() == []


@pytest.mark.parametrize("method", ["put", "multipart"])
def test_parts_that_change_on_their_way_are_found_by_the_inspection(
    method: Method, make_client: MakeClient
) -> None:
    client = make_client(transport=Meddling(first(puts, altered)))
    found = client.upload(TEXT, name="a.txt", method=method)
    with pytest.raises(DigestMismatch):
        client.wait(found, PATIENCE)
    settled = client.get(found.id)
    assert settled.state == "rejected"
    assert settled.verdict is not None
    assert settled.verdict.reason == "digest-mismatch"


def test_what_can_be_no_upload_is_said_before_anything_is_asked(
    make_client: MakeClient,
) -> None:
    transport = Meddling()
    client = make_client(transport=transport)
    for wrong in (
        lambda: client.upload(TEXT),
        lambda: client.upload(io.StringIO("text"), name="a.txt"),  # type: ignore[arg-type]
        lambda: client.upload(TEXT, name="a.txt", method="carrier-pigeon"),  # type: ignore[arg-type]
        lambda: client.get("../me"),
    ):
        with pytest.raises(ValueError):
            wrong()
    assert transport.seen == []


def test_a_key_that_is_none_is_refused_in_the_services_words(
    make_client: MakeClient, person: Person
) -> None:
    with (
        Client(person.stack.base_url, "upk_nobody", transport=Meddling()) as stranger,
        pytest.raises(UploadsError) as refused,
    ):
        stranger.get("doc_unknown")
    assert (refused.value.status, refused.value.code) == (401, "unauthenticated")
    assert refusal(person.api.get("/documents/doc_unknown")) == (404, "not-found")
