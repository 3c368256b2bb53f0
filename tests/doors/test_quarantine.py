"""The quarantine desk over HTTP: who may come, what is shown, and two who release a file."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from tests.support import links, plain, samples
from tests.support.administrators import (
    DESK,
    administrator,
    asked,
    infected,
    release,
    released,
)
from tests.support.headers import assert_secure
from tests.support.invariants import invariants
from tests.support.people import PATIENCE, Person
from tests.support.quarantine import unsealed
from tests.support.receiver import receiving
from tests.support.stack import Stack
from tests.support.waiting import eventually
from uploads.documents.model import Scope

EICAR = samples.eicar()
DIGEST = hashlib.sha256(EICAR).hexdigest()
HTML = {"Accept": "text/html"}
MARKED = "attachment; filename=\"released-virus.txt\"; filename*=UTF-8''released-virus.txt"


@pytest.fixture(scope="module")
def rita(stack: Stack) -> Person:
    return administrator(stack, "rita")


@pytest.fixture(scope="module")
def sam(stack: Stack) -> Person:
    return administrator(stack, "sam")


def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_a_refused_file_is_shown_to_administrators_and_taken_out_sealed(
    stack: Stack, rita: Person
) -> None:
    """With its owner, every engine's word, its first bytes; the sample opens with the password."""
    owner, document = infected(stack)
    page = asked(rita, "GET", params={"owner": owner.email, "state": "infected", "limit": 1})
    assert [one["id"] for one in page.json()["items"]] == [document["id"]]
    assert page.json()["next_cursor"] is None
    assert asked(rita, "GET", params={"owner": owner.email, "q": DIGEST}).json() == page.json()
    assert asked(rita, "GET", params={"owner": owner.email, "q": "no"}).json()["items"] == []
    found = asked(rita, "GET", f"/{document['id']}").json()
    assert found["owner"]["email"] == owner.email
    assert found["verdict"] == document["verdict"]
    assert [one["sha256"] for one in found["verdicts"]] == [DIGEST]
    assert {"clamav", "yara"} <= {one["name"] for one in found["verdicts"][0]["engines"]}
    assert bytes.fromhex(found["head"]) == EICAR
    assert (found["members"], found["release"]) == (None, None)
    assert found["kept_until"] > found["updated_at"]
    sample = asked(rita, "GET", f"/{document['id']}", "/sample")
    assert sample.headers["Content-Disposition"].startswith(f'attachment; filename="{DIGEST}.zip"')
    assert_secure(sample)
    assert EICAR not in sample.content
    assert unsealed(sample.content) == {f"{DIGEST}.bin": EICAR}
    head = rita.api.head(f"{DESK}/{document['id']}/sample")
    assert (head.status_code, head.content) == (200, b"")
    assert "Content-Length" not in head.headers
    invariants(stack, owner)


def test_an_archives_members_are_named(stack: Stack, rita: Person, alice: Person) -> None:
    document = alice.settle(alice.upload("virus.zip", samples.eicar_zip()))
    members = asked(rita, "GET", f"/{document['id']}").json()["members"]
    assert members["complete"] is True
    assert members["count"] == len(members["items"]) > 0
    assert all(one["size"] > 0 and not one["encrypted"] for one in members["items"])


def test_two_administrators_release_it_as_an_attachment_and_marked(
    stack: Stack, rita: Person, sam: Person
) -> None:
    """Told to webhooks; neither shown nor drawn anywhere; every page says what it is."""
    owner, document = infected(stack)
    with receiving() as receiver:
        owner.api.post("/webhooks", json={"url": receiver.url, "events": ["document.released"]})
        found = released(owner, document, rita, sam)
        eventually(lambda: receiver.of(document["id"]), PATIENCE)
    assert (found["sha256"], found["renditions"]) == (DIGEST, [])
    assert owner.content(document["id"]) == EICAR
    address = owner.api.get(f"/documents/{document['id']}/content").headers["Location"]
    served = plain.get(address)
    assert served.headers["Content-Disposition"] == MARKED
    for picture in ("thumbnail-200", "thumbnail-800", "page-1"):
        answer = owner.api.get(f"/documents/{document['id']}/renditions/{picture}")
        assert refusal(answer) == (404, "not-found")
    case = asked(rita, "GET", f"/{document['id']}").json()
    assert (case["state"], case["release"]["state"]) == ("released", "released")
    people = (case["release"]["asked_by"]["email"], case["release"]["confirmed_by"]["email"])
    assert people == (rita.email, sam.email)
    with owner.browser() as browser:
        for path in (f"/documents/{document['id']}", "/documents"):
            assert "two administrators released it" in browser.get(path).text
        assert "found dangerous" in browser.get(f"/documents/{document['id']}").text
    assert refusal(release(rita, document)) == (409, "conflict")
    invariants(stack, owner)


def test_a_link_to_a_released_file_tells_people_first(
    stack: Stack, rita: Person, sam: Person
) -> None:
    """A browser gets a page with a button, with a password or without; a program the file."""
    owner, document = infected(stack)
    released(owner, document, rita, sam)
    inline = {"documents": [document["id"]], "disposition": "inline"}
    assert refusal(owner.api.post("/links", json=inline)) == (422, "invalid")
    link = links.shared(owner, document["id"])
    page = links.got(owner, link["url"], headers=HTML)
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "two administrators released it" in page.text
    assert "virus.txt" in page.text
    assert_secure(page, content_host=True)
    assert links.downloads(owner, link) == 0
    ticket = links.ticket(owner, link["url"])
    answers = [
        links.got(owner, link["url"], "POST", headers=HTML),
        links.got(owner, link["url"]),
        plain.get(ticket),
        plain.get(f"{ticket}?disposition=inline&inline=1", headers=HTML),
    ]
    for answer in answers:
        assert answer.content == EICAR
        assert answer.headers["Content-Disposition"] == MARKED
        assert answer.headers["Uploads-State"] == "released"
    assert links.downloads(owner, link) == 3
    locked = links.shared(owner, document["id"], password="a long password")
    form = links.got(owner, locked["url"], headers=HTML)
    assert form.status_code == 401
    assert "Two administrators released it" in form.text


def test_one_administrator_alone_releases_nothing(stack: Stack, rita: Person, sam: Person) -> None:
    """By another key or in the browser it is still the same one; and the digest must be right."""
    owner, document = infected(stack)
    assert refusal(release(sam, document, sha256="0" * 64)) == (409, "conflict")
    key = {"Idempotency-Key": document["id"]}
    body = {"sha256": DIGEST, "reason": "First."}
    path = f"{DESK}/{document['id']}/release"
    first = rita.api.post(path, json=body, headers=key)
    again = rita.api.post(path, json=body, headers=key)
    assert (first.status_code, first.json()["release"]["state"]) == (202, "asked")
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["Idempotent-Replayed"] == "true"
    other = {"Authorization": f"Bearer {stack.key(rita.email, Scope.ADMIN)}"}
    for headers in ({}, other):
        answer = rita.api.post(path, json=body, headers=headers)
        assert refusal(answer) == (409, "conflict")
        assert "Another administrator has to confirm" in answer.json()["detail"]
    with rita.browser() as browser:
        url = f"/api/v1{path}"
        assert refusal(browser.post(url, json=body)) == (403, "csrf")
        token = {"X-CSRF-Token": browser.token("/documents")}
        assert refusal(browser.post(url, json=body, headers=token)) == (409, "conflict")
    assert owner.document(document["id"])["state"] == "infected"


@pytest.fixture(scope="module")
def outsiders(stack: Stack, rita: Person, alice: Person) -> list[str]:
    """Keys that are no administrator's, or have not the scope."""
    return [alice.key, stack.key(rita.email, Scope.DOCUMENTS_READ, Scope.DOCUMENTS_WRITE)]


def test_nobody_else_comes_near_it(stack: Stack, alice: Person, outsiders: list[str]) -> None:
    """Neither the owner of the file nor an administrator's key without the scope."""
    _, document = infected(stack)
    for key in outsiders:
        one = Person(stack, "", "", key)
        try:
            answers = [
                asked(one, "GET"),
                asked(one, "GET", f"/{document['id']}"),
                asked(one, "GET", f"/{document['id']}", "/sample"),
                asked(one, "DELETE", f"/{document['id']}"),
                release(one, document),
            ]
        finally:
            one.close()
        assert {refusal(answer) for answer in answers} == {(403, "forbidden")}
        # Who cannot make such a key is not told to.
        told = "Only administrators may do this, by a key that has the scope admin."
        assert {one.json()["detail"] for one in answers} == {told}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"sha256": DIGEST}, "/reason"),
        ({"sha256": DIGEST, "reason": ""}, "/reason"),
        ({"sha256": DIGEST, "reason": "   "}, "/reason"),
        ({"sha256": DIGEST, "reason": "a\u0000b"}, "/reason"),
        ({"sha256": DIGEST, "reason": "x" * 1001}, "/reason"),
        ({"sha256": DIGEST.upper(), "reason": "x"}, "/sha256"),
        ({"sha256": DIGEST + "\n", "reason": "x"}, "/sha256"),
        ({"sha256": DIGEST, "reason": "x", "force": True}, "/force"),
    ],
)
def test_a_wrong_request_says_where(
    stack: Stack, rita: Person, body: dict[str, Any], pointer: str
) -> None:
    document = rita_sees(rita)
    answer = asked(rita, "POST", f"/{document}", "/release", json=body)
    assert refusal(answer) == (422, "invalid")
    assert [one["pointer"] for one in answer.json()["errors"]] == [pointer]


def rita_sees(rita: Person) -> str:
    """Any file at the desk."""
    return str(asked(rita, "GET", params={"state": "infected"}).json()["items"][0]["id"])


def test_what_is_not_at_the_desk_is_not_found_and_what_is_gone_is_gone(
    stack: Stack, rita: Person, alice: Person
) -> None:
    """An administrator deletes; the owner sees a tombstone. Twice is quiet."""
    owner, document = infected(stack)
    clean = alice.upload("clean.png", samples.png())
    alice.settle(clean)
    for unknown in (clean, "doc_nosuch"):
        assert refusal(asked(rita, "GET", f"/{unknown}")) == (404, "not-found")
        assert refusal(asked(rita, "DELETE", f"/{unknown}")) == (404, "not-found")
    assert alice.document(clean)["state"] == "clean"
    for _ in range(2):
        assert asked(rita, "DELETE", f"/{document['id']}").status_code == 204
    assert owner.document(document["id"])["state"] == "deleted"
    assert refusal(asked(rita, "GET", f"/{document['id']}")) == (410, "gone")
    assert refusal(asked(rita, "GET", f"/{document['id']}", "/sample")) == (410, "gone")
    assert refusal(release(rita, document)) == (410, "gone")
    assert refusal(asked(rita, "GET", params={"state": "clean"})) == (422, "invalid")
    assert refusal(asked(rita, "GET", params={"cursor": "x"})) == (422, "invalid")
    invariants(stack, owner)
