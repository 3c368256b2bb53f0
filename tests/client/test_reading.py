"""Lists, downloads, links: what comes out, checked and in its place, without showing the key."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.support import plain, samples
from tests.support.grants import TEXT
from tests.support.meddling import Meddling, first
from tests.support.people import PATIENCE, Person
from tests.support.stack import Stack
from uploads_client import Client, DigestMismatch, Document, NotClean, NotFound
from uploads_client.sources import PIECE

pytestmark = pytest.mark.one_database

MakeClient = Callable[..., Client]


@pytest.fixture
def document(client: Client) -> Document:
    """A clean text."""
    return client.wait(client.upload(TEXT, name="note.txt"), PATIENCE)


def gets_object(request: httpx.Request) -> bool:
    return "X-Amz-Signature" in request.url.params and request.method == "GET"


def test_a_download_shows_the_store_no_key(
    stack: Stack, make_client: MakeClient, document: Document, tmp_path: Path
) -> None:
    transport = Meddling()
    make_client(transport=transport).download(document.id, tmp_path / "copy.txt")
    assert (tmp_path / "copy.txt").read_bytes() == TEXT
    [fetched] = transport.to_store(stack.base_url)
    assert gets_object(fetched)
    assert "Authorization" not in fetched.headers
    own = [one for one in transport.seen if one is not fetched]
    assert all(one.headers["Authorization"].startswith("Bearer ") for one in own)


def test_uploads_show_the_store_no_key(stack: Stack, make_client: MakeClient) -> None:
    transport = Meddling()
    make_client(transport=transport).upload(TEXT, name="a.txt", method="put")
    [put] = transport.to_store(stack.base_url)
    assert "Authorization" not in put.headers


def test_a_file_that_is_there_is_kept_unless_told(
    client: Client, document: Document, tmp_path: Path
) -> None:
    (tmp_path / "note.txt").write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        client.download(document.id, tmp_path)
    assert (tmp_path / "note.txt").read_bytes() == b"mine"
    client.download(document.id, tmp_path, overwrite=True)
    assert (tmp_path / "note.txt").read_bytes() == TEXT
    assert [one.name for one in tmp_path.iterdir()] == ["note.txt"]


def test_a_stream_gets_the_bytes(client: Client, document: Document) -> None:
    told: list[int] = []
    stream = io.BytesIO()
    client.download(document.id, stream, progress=lambda sent, _: told.append(sent))
    assert stream.getvalue() == TEXT
    assert told[-1] == len(TEXT)


def test_other_bytes_than_were_inspected_leave_no_file(
    make_client: MakeClient, document: Document, tmp_path: Path
) -> None:
    def forge(transport: Meddling, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=TEXT[:-1] + b"?", request=request)

    client = make_client(transport=Meddling(first(gets_object, forge)))
    with pytest.raises(DigestMismatch):
        client.download(document.id, tmp_path / "copy.txt")
    assert list(tmp_path.iterdir()) == []


def test_a_download_that_breaks_begins_anew(make_client: MakeClient, tmp_path: Path) -> None:
    """With a fresh address each time, and nothing of the first try in the file."""
    text = TEXT * (2 * PIECE // len(TEXT))

    class Broken(httpx.SyncByteStream):
        def __iter__(self):  # type: ignore[no-untyped-def]
            yield bytes(PIECE)
            raise httpx.ReadError("broken")

    def break_(transport: Meddling, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Broken(), request=request)

    transport = Meddling(first(gets_object, break_))
    client = make_client(transport=transport)
    document = client.wait(client.upload(text, name="copy.txt"), PATIENCE)
    client.download(document.id, tmp_path)
    assert (tmp_path / "copy.txt").read_bytes() == text
    assert sum(gets_object(one) for one in transport.seen) == 2
    assert [one.name for one in tmp_path.iterdir()] == ["copy.txt"]


def test_what_is_not_clean_does_not_come(client: Client, tmp_path: Path) -> None:
    found = client.wait(client.upload(samples.eicar(), name="eicar.txt"), PATIENCE)
    assert (found.state, found.settled, found.served) == ("infected", True, False)
    with pytest.raises(NotClean) as refused:
        client.download(found.id, tmp_path / "eicar.txt")
    assert refused.value.members["state"] == "infected"
    assert list(tmp_path.iterdir()) == []


def test_a_list_goes_on_over_its_pages(client: Client, make_client: MakeClient) -> None:
    made = [client.upload(TEXT, name=f"{number}.txt").id for number in range(3)]
    assert [one.id for one in client.list(page_size=1)] == made[::-1]
    assert [one.id for one in client.list(q="1.txt")] == [made[1]]
    for one in made:
        client.wait(one, PATIENCE)
    assert len(list(client.list(state=["clean", "infected"], type="text/plain"))) == 3
    assert list(client.list(state="infected")) == []


def test_what_is_deleted_stays_deleted(client: Client, document: Document) -> None:
    client.delete(document.id)
    client.delete(document.id)
    tombstone = client.get(document.id)
    assert (tombstone.state, tombstone.name, tombstone.sha256) == ("deleted", None, None)
    with pytest.raises(NotFound):
        client.get("doc_unknown")


def test_a_link_is_made_listed_and_revoked(client: Client, document: Document) -> None:
    link = client.create_link([document.id], expires_in=600, max_downloads=2)
    assert (link.documents, link.max_downloads, link.downloads) == ((document.id,), 2, 0)
    assert plain.get(link.url, follow_redirects=True).content == TEXT
    assert [one.downloads for one in client.links(document.id)] == [1]
    client.revoke_link(link.id)
    assert list(client.links()) == []
    assert plain.get(link.url).status_code == 410
    assert link.disposition == "attachment"
    assert client.create_link([document.id], disposition="inline").disposition == "inline"


def test_no_key_is_in_what_a_client_says_of_itself(person: Person, client: Client) -> None:
    with pytest.raises(NotFound) as refused:
        client.get("doc_unknown")
    assert person.key not in f"{refused.value} {refused.value!r} {client!r} {vars(refused.value)}"
