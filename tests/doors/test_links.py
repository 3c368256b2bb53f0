"""/api/v1/links: making, listing and revoking, as the contract says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import Connection, NullPool, create_engine, select

from tests.support import samples
from tests.support.links import clean, got, refusal, shared
from tests.support.people import Person
from uploads.documents.model import Scope
from uploads.records import tables

# What the records keep of links is shown on both databases by their contract: once is enough.
pytestmark = pytest.mark.one_database

PNG = samples.png()
MEMBERS = {
    "id",
    "url",
    "expires_at",
    "disposition",
    "max_downloads",
    "password_protected",
    "downloads",
    "documents",
}


@pytest.fixture(scope="module")
def document(alice: Person) -> str:
    return clean(alice, "shared.png", PNG)


def connected(person: Person) -> Connection:
    """The service's database, seen from outside."""
    url = person.stack.services().settings.database_url
    return create_engine(url, poolclass=NullPool).connect()


def test_a_link_is_what_the_contract_says(alice: Person, document: str) -> None:
    """201 with its members and its own address; the same again by its id, as often as asked."""
    answer = alice.api.post("/links", json={"documents": [document]})
    assert answer.status_code == 201
    link = answer.json()
    assert set(link) == MEMBERS
    assert answer.headers["Location"] == f"/api/v1/links/{link['id']}"
    assert link["url"].startswith(f"{alice.stack.content_url}/links/")
    assert link["documents"] == [document]
    assert (link["disposition"], link["downloads"]) == ("attachment", 0)
    assert (link["expires_at"], link["max_downloads"]) == (None, None)
    assert link["password_protected"] is False
    assert alice.api.get(f"/links/{link['id']}").json() == link


def test_its_wishes_are_kept_and_its_password_is_not_told(alice: Person, document: str) -> None:
    wish = {"expires_in": 3600, "disposition": "inline", "max_downloads": 3, "password": "s3cret-y"}
    answer = alice.api.post("/links", json={"documents": [document], **wish})
    assert answer.status_code == 201
    assert "s3cret-y" not in answer.text
    assert "argon2" not in answer.text
    link = answer.json()
    assert (link["disposition"], link["max_downloads"]) == ("inline", 3)
    assert link["password_protected"] is True
    assert link["expires_at"].endswith("Z")


def test_lists_are_newest_first_page_by_page(alice: Person, document: str) -> None:
    """Of all documents and of one; what was revoked is in neither."""
    other = clean(alice, "other.png", PNG)
    made = [shared(alice, document), shared(alice, other), shared(alice, document, other)]
    gone = shared(alice, document)
    assert alice.api.delete(f"/links/{gone['id']}").status_code == 204
    ids = [link["id"] for link in made]
    first = alice.api.get("/links", params={"limit": 2}).json()
    assert first["items"] == [made[2], made[1]]
    second = alice.api.get("/links", params={"limit": 1, "cursor": first["next_cursor"]}).json()
    assert second["items"] == [made[0]]
    of_other = alice.api.get(f"/documents/{other}/links").json()
    assert [link["id"] for link in of_other["items"]] == [ids[2], ids[1]]
    assert of_other["next_cursor"] is None
    assert refusal(alice.api.get("/links?cursor=x")) == (422, "invalid")
    assert refusal(alice.api.get("/links?page=2")) == (422, "invalid")


def test_revoking_is_quiet_the_second_time_and_final(alice: Person, document: str) -> None:
    link = shared(alice, document)
    assert got(alice, link["url"]).content == PNG
    for _ in range(2):
        answer = alice.api.delete(f"/links/{link['id']}")
        assert (answer.status_code, answer.content) == (204, b"")
    assert refusal(got(alice, link["url"])) == (410, "gone")
    assert refusal(alice.api.get(f"/links/{link['id']}")) == (410, "gone")


def test_what_is_somebody_elses_does_not_exist(alice: Person, bob: Person, document: str) -> None:
    """Neither to make a link to, nor a link to look at, nor to revoke; word for word as unknown."""
    link = shared(alice, document)
    for foreign, unknown in (
        (f"/links/{link['id']}", "/links/lnk_nosuch"),
        (f"/documents/{document}/links", "/documents/doc_nosuch/links"),
    ):
        assert refusal(bob.api.get(foreign)) == refusal(bob.api.get(unknown)) == (404, "not-found")
    assert refusal(bob.api.delete(f"/links/{link['id']}")) == (404, "not-found")
    assert refusal(bob.api.delete("/links/lnk_nosuch")) == (404, "not-found")
    mine = clean(bob, "mine.png", PNG)
    for ids in ([document], [mine, document], ["doc_nosuch"], ["\x00"], ["\ud800"]):
        # Written here: httpx would refuse half a surrogate.
        body = json.dumps({"documents": ids}).encode()
        headers = {"Content-Type": "application/json"}
        answer = bob.api.post("/links", content=body, headers=headers)
        assert refusal(answer) == (404, "not-found")
    assert link["id"] not in bob.api.get("/links").text
    assert alice.api.get(f"/links/{link['id']}").status_code == 200


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({}, "/documents"),
        ({"documents": []}, "/documents"),
        ({"documents": "doc_1"}, "/documents"),
        ({"documents": [1]}, "/documents/0"),
        ({"documents": ["doc_1", "doc_1"]}, "/documents"),
        ({"documents": ["doc_1"] * 1001}, "/documents"),
        ({"expires_in": 0}, "/expires_in"),
        ({"expires_in": -1}, "/expires_in"),
        ({"expires_in": 1.5}, "/expires_in"),
        ({"expires_in": "60"}, "/expires_in"),
        ({"expires_in": 10**12}, "/expires_in"),
        ({"max_downloads": 0}, "/max_downloads"),
        ({"max_downloads": True}, "/max_downloads"),
        ({"max_downloads": 10**30}, "/max_downloads"),
        ({"disposition": "download"}, "/disposition"),
        ({"password": ""}, "/password"),
        ({"password": "short"}, "/password"),
        ({"password": "x" * 129}, "/password"),
        ({"password": 123456}, "/password"),
        ({"owner": "usr_1"}, "/owner"),
        ({"downloads": 0}, "/downloads"),
        ({"url": "http://evil.example"}, "/url"),
    ],
)
def test_wrong_members_are_pointed_at(alice: Person, members: dict[str, Any], pointer: str) -> None:
    base = {} if "documents" in members or not members else {"documents": ["doc_1"]}
    answer = alice.api.post("/links", json={**base, **members})
    assert refusal(answer) == (422, "invalid")
    assert [one["pointer"] for one in answer.json()["errors"]] == [pointer]


def test_only_what_is_clean_can_be_shared(alice: Person) -> None:
    """Not what was refused, not what is gone."""
    refused = alice.upload("a.txt", samples.eicar())
    assert alice.settle(refused)["state"] == "infected"
    answer = alice.api.post("/links", json={"documents": [refused]})
    assert refusal(answer) == (409, "not-clean")
    assert answer.json()["state"] == "infected"
    alice.discard(refused)
    assert refusal(alice.api.post("/links", json={"documents": [refused]})) == (410, "gone")


def test_only_what_is_safe_to_show_is_shown(alice: Person, document: str) -> None:
    """One file of a type on the list; not a PDF, not an archive of several."""
    pdf = clean(alice, "a.pdf", samples.pdf())
    for ids in ([pdf], [document, pdf]):
        answer = alice.api.post("/links", json={"documents": ids, "disposition": "inline"})
        assert refusal(answer) == (422, "invalid")
        assert answer.json()["errors"][0]["pointer"] == "/disposition"
    shown = shared(alice, document, disposition="inline")
    assert got(alice, shown["url"]).headers["Content-Disposition"].startswith("inline; ")
    script = clean(alice, "run.sh", b"#!/bin/sh\nexit 0\n")
    code = got(alice, shared(alice, script, disposition="inline")["url"])
    assert code.headers["Content-Disposition"].startswith("inline; ")
    assert code.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert code.headers["X-Content-Type-Options"] == "nosniff"
    assert code.headers["Content-Security-Policy"].startswith("sandbox")
    kept = got(alice, shared(alice, pdf)["url"])
    assert kept.headers["Content-Disposition"].startswith("attachment; ")


def test_a_key_without_the_scope_is_refused(alice: Person, document: str) -> None:
    reader = alice.stack.key(alice.email, Scope.DOCUMENTS_READ)
    headers = {"Authorization": f"Bearer {reader}"}
    link = shared(alice, document)
    assert alice.api.get("/links", headers=headers).status_code == 200
    assert alice.api.get(f"/links/{link['id']}", headers=headers).status_code == 200
    for answer in (
        alice.api.post("/links", json={"documents": [document]}, headers=headers),
        alice.api.delete(f"/links/{link['id']}", headers=headers),
    ):
        assert refusal(answer) == (403, "forbidden")


def test_what_a_key_may_not_read_it_cannot_hand_out(alice: Person, document: str) -> None:
    """A link opens without any key, so whoever makes one has read the file."""
    writer = alice.stack.key(alice.email, Scope.DOCUMENTS_WRITE)
    headers = {"Authorization": f"Bearer {writer}"}
    made = alice.api.post("/links", json={"documents": [document]}, headers=headers)
    assert refusal(made) == (403, "forbidden")
    assert Scope.DOCUMENTS_READ.value in made.json()["detail"]


def test_the_same_request_under_a_key_makes_one_link(alice: Person, document: str) -> None:
    """Answered alike, address and all; and what is kept of it opens nothing."""
    headers = {"Idempotency-Key": f"link-{document}"}
    body = {"documents": [document], "password": "s3cret-y"}
    first, second = (alice.api.post("/links", json=body, headers=headers) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.content == first.content
    assert second.headers["Location"] == first.headers["Location"]
    other = alice.api.post("/links", json={"documents": [document]}, headers=headers)
    assert refusal(other) == (422, "idempotency-mismatch")
    token = first.json()["url"].rpartition("/")[2]
    with connected(alice) as connection:
        kept = connection.execute(
            select(tables.answers).where(tables.answers.c.key == f"link-{document}")
        ).one()
    assert kept.status == 201
    assert token not in str(kept)
    assert token.partition(".")[2] not in str(kept)


def test_nothing_in_the_database_opens_a_link(alice: Person, document: str) -> None:
    """Neither an address nor a password is in any table."""
    link = shared(alice, document, password="s3cret-pass")
    mark = link["url"].rpartition(".")[2]
    with connected(alice) as connection:
        for table in tables.metadata.sorted_tables:
            for row in connection.execute(select(table)):
                assert mark not in str(row)
                assert "s3cret-pass" not in str(row)
