"""GET and DELETE of documents: lists, waiting, tombstones, and other people's ids."""

from __future__ import annotations

import base64
import hashlib
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.support import plain, samples
from tests.support.headers import assert_secure
from tests.support.invariants import invariants
from tests.support.people import PATIENCE, UNSETTLED, Person
from tests.support.processes import worker_standing_still
from tests.support.stack import Stack
from tests.support.waiting import eventually

UNKNOWN = "doc_" + "0" * 26
LONGEST = 30  # seconds that one request may wait


@pytest.fixture(scope="module")
def reader(stack: Stack) -> Person:
    """A user of whose documents this module knows all."""
    return stack.person("reader")


@pytest.fixture(scope="module")
def seven(reader: Person) -> list[str]:
    """Seven settled documents, newest first; the picture has its renditions."""
    ids = [reader.upload(f"Blatt {number} ÄÖ.txt", b"text %d" % number) for number in range(6)]
    ids.append(reader.upload("picture.png", samples.png()))
    for document_id in ids:
        reader.settle(document_id)
    eventually(lambda: len(reader.document(ids[-1])["renditions"]) == 2, PATIENCE)
    return ids[::-1]


def test_pages_follow_the_cursor_newest_first(reader: Person, seven: list[str]) -> None:
    """A list comes in pages of `limit`, each document exactly once."""
    found: list[str] = []
    cursor, pages = None, 0
    while True:
        params = {"limit": "3", **({"cursor": cursor} if cursor else {})}
        answer = reader.api.get("/documents", params=params).json()
        found += [one["id"] for one in answer["items"]]
        pages += 1
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert found == seven
    assert pages == 3


def test_new_documents_do_not_disturb_older_pages(reader: Person, seven: list[str]) -> None:
    """A document that comes in between two pages shifts nothing."""
    first = reader.api.get("/documents", params={"limit": "3"}).json()
    late = reader.upload("late.txt", b"late")
    second = reader.api.get(
        "/documents", params={"limit": "200", "cursor": first["next_cursor"]}
    ).json()
    assert [one["id"] for one in first["items"] + second["items"]] == seven
    reader.settle(late)
    assert reader.api.delete(f"/documents/{late}").status_code == 204


def test_lists_can_be_narrowed(reader: Person, seven: list[str]) -> None:
    """State, type and words narrow a list; words match whatever their case."""
    assert [one["id"] for one in reader.documents(type="image/png")] == seven[:1]
    assert [one["id"] for one in reader.documents(q="BLATT 3 äö")] == [seven[3]]
    assert [one["id"] for one in reader.documents(q="%")] == []
    assert len(reader.documents(state="clean")) == len(seven)
    assert reader.documents(state="infected") == []


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=x",
        "limit=-1",
        "limit=1&limit=2",
        "cursor=nonsense",
        "state=fine",
        "page=2",
        "cursor=WyIyMDI2LTAxLTAxIiwgIngiXQ",
    ],
)
def test_a_wrong_parameter_is_named(reader: Person, query: str) -> None:
    """Parameters out of their bounds or unknown are 422 and say which."""
    answer = reader.api.get(f"/documents?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert query.partition("=")[0] in str(answer.json()["errors"])


def test_waiting_ends_at_once_for_a_settled_document(reader: Person, seven: list[str]) -> None:
    """`?wait=` does not wait where nothing is left to happen."""

    def at_once() -> bool:
        began = time.monotonic()
        assert reader.document(seven[0], wait=LONGEST)["state"] == "clean"
        return time.monotonic() - began < LONGEST

    eventually(at_once, PATIENCE)
    assert reader.api.get(f"/documents/{seven[0]}?wait=31").status_code == 422


def test_waiting_ends_with_the_change(reader: Person) -> None:
    """A client that waits hears of a change when it happens, not when the time is up."""

    def hears() -> bool:
        """Whether a change was heard of in time. The first look may come too late."""
        document_id, heard = reader.upload("waited.png", samples.png()), False
        state = reader.document(document_id)["state"]
        while state in UNSETTLED:
            began, before = time.monotonic(), state
            state = reader.document(document_id, wait=LONGEST)["state"]
            heard |= state != before and time.monotonic() - began < LONGEST
        assert state == "clean"
        return heard

    eventually(hears, PATIENCE)


def test_many_may_wait_at_once(stack: Stack, reader: Person) -> None:
    """Twenty waiting clients do not keep others from being answered."""

    def answers_meanwhile() -> bool:
        with ThreadPoolExecutor(20) as pool:
            with worker_standing_still(stack):
                held = [reader.upload(f"w{number}.txt", samples.eicar()) for number in range(2)]
                waiting = [pool.submit(reader.document, held[at % 2], wait=30) for at in range(20)]
                assert plain.get(f"{stack.base_url}/livez").status_code == 200
                meanwhile = not any(one.done() for one in waiting)
            assert {one.result()["id"] for one in waiting} == set(held)
        assert {reader.settle(one)["state"] for one in held} == {"infected"}
        return meanwhile

    eventually(answers_meanwhile, PATIENCE)


def test_a_deleted_document_leaves_a_tombstone(stack: Stack, reader: Person) -> None:
    """DELETE is 204 twice; what stays has no name and no digest, and its bytes are gone."""
    document_id = reader.upload("secret plan.png", samples.png())
    reader.settle(document_id)
    eventually(lambda: len(reader.document(document_id)["renditions"]) == 2, PATIENCE)
    picture = reader.api.get(f"/documents/{document_id}/renditions/thumbnail-200")
    content = reader.api.get(f"/documents/{document_id}/content")
    for _ in range(2):
        answer = reader.api.delete(f"/documents/{document_id}")
        assert (answer.status_code, answer.content) == (204, b"")
    tombstone = reader.document(document_id)
    assert tombstone["state"] == "deleted"
    assert tombstone["name"] is None
    assert tombstone["sha256"] is None
    assert tombstone["renditions"] == []
    assert reader.api.get(f"/documents/{document_id}/content").status_code == 410
    assert plain.get(picture.headers["Location"]).status_code == 410
    assert document_id not in {one["id"] for one in reader.documents()}
    assert document_id in {one["id"] for one in reader.documents(state="deleted")}
    eventually(lambda: plain.get(content.headers["Location"]).status_code == 404, PATIENCE)
    invariants(stack, reader)


def test_deleting_during_inspection_wins(stack: Stack, reader: Person) -> None:
    """A document that is deleted while it waits or is inspected stays deleted."""
    ids = [reader.upload(f"short {number}.png", samples.png()) for number in range(5)]
    for document_id in ids:
        assert reader.api.delete(f"/documents/{document_id}").status_code == 204
    invariants(stack, reader)
    assert {reader.document(document_id)["state"] for document_id in ids} == {"deleted"}


@pytest.mark.parametrize("path", ["", "/content", "/renditions/thumbnail-200"])
def test_somebody_elses_id_answers_like_an_unknown_one(
    reader: Person, bob: Person, seven: list[str], path: str
) -> None:
    """Status, headers and body are the same, but for the request's own id."""

    def ask(document_id: str, method: str = "GET") -> tuple[int, dict[str, object], set[str]]:
        answer = bob.api.request(method, f"/documents/{document_id}{path}")
        assert_secure(answer)
        problem = answer.json()
        problem.pop("request_id")
        return answer.status_code, problem, set(answer.headers)

    foreign, unknown = ask(seven[0]), ask(UNKNOWN)
    assert foreign == unknown
    assert foreign[0] == 404
    if not path:
        assert ask(seven[0], "DELETE") == ask(UNKNOWN, "DELETE")
        assert reader.document(seven[0])["state"] == "clean"
    assert ask("x'--")[0] == 404


def test_a_signed_address_stands_in_one_header_alone(reader: Person, seven: list[str]) -> None:
    """No page under a redirect repeats it, for programs and for people alike."""
    paths = ("/content", "/renditions/thumbnail-200")
    answers = [reader.api.get(f"/documents/{seven[0]}{path}") for path in paths]
    with reader.browser() as browser:
        answers.append(browser.get(f"/documents/{seven[0]}/download"))
    for answer in answers:
        assert answer.status_code == 302
        assert "=" in answer.headers["Location"] or "/renditions/" in answer.headers["Location"]
        assert answer.content == b""


def test_a_rendition_comes_from_the_content_host_alone(
    stack: Stack, reader: Person, seven: list[str]
) -> None:
    """No cookie, no key; its own policy; and the app's origin does not have it at all."""
    answer = reader.api.get(f"/documents/{seven[0]}/renditions/thumbnail-200")
    location = answer.headers["Location"]
    assert location.startswith(f"{stack.content_url}/renditions/")
    served = plain.get(location, headers={"Cookie": "session=x", "Authorization": "Bearer x"})
    assert served.status_code == 200
    assert_secure(served, content_host=True)
    assert "Set-Cookie" not in served.headers
    assert served.headers["Content-Type"] == "image/webp"
    assert served.headers["Content-Security-Policy"].startswith("sandbox")
    assert served.headers["Content-Length"] == str(len(served.content))
    elsewhere = plain.get(location.replace(stack.content_url, stack.base_url))
    assert elsewhere.status_code == 404
    forged = plain.get(location[:-3] + "AAA")
    assert forged.status_code == 404
    assert_secure(forged, content_host=True)


def test_the_store_serves_attachments_for_a_minute(reader: Person, seven: list[str]) -> None:
    """A content link is signed, short-lived, and cannot be changed."""
    location = reader.api.get(f"/documents/{seven[1]}/content").headers["Location"]
    query = dict(httpx.URL(location).params)
    assert query["X-Amz-Algorithm"] == "AWS4-HMAC-SHA256"
    assert int(query["X-Amz-Expires"]) <= 60
    served = plain.get(location)
    assert served.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert served.headers["Content-Disposition"].startswith("attachment;")
    assert plain.get(location.replace("attachment", "inline")).status_code == 403
    # Stores differ in how they refuse what has no signature at all.
    assert plain.get(location.partition("?")[0]).status_code in {400, 403}


@pytest.mark.parametrize("path", ["/api/v1/documents/{}/content", "/documents/{}/download"])
def test_head_tells_of_the_bytes_what_the_store_does(
    reader: Person, seven: list[str], path: str
) -> None:
    """Without a redirect: what is signed for GET, a store refuses to HEAD."""
    with reader.browser() as browser:
        for document_id in seven[:2]:
            location = reader.api.get(f"/documents/{document_id}/content").headers["Location"]
            head, sent = browser.request("HEAD", path.format(document_id)), plain.get(location)
            assert (head.status_code, head.content) == (200, b"")
            for name in ("Content-Length", "Content-Type", "Content-Disposition", "Accept-Ranges"):
                assert head.headers[name] == sent.headers[name], name
            digest = base64.b64encode(hashlib.sha256(sent.content).digest()).decode()
            assert head.headers["Repr-Digest"] == f"sha-256=:{digest}:"
            assert head.headers["Cache-Control"] == "no-store"
