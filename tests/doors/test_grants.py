"""Uploads by signed URL as programs meet them: shapes, refusals, and the store's own word."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import NullPool, create_engine, text

from tests.support import samples
from tests.support.grants import ASKED, TEXT, asked, completed, part, refusal, sent, signed, used
from tests.support.invariants import invariants, none
from tests.support.newcomers import newcomer, set_quota
from tests.support.people import PATIENCE, UNSETTLED, Person
from tests.support.stack import Stack
from tests.support.waiting import eventually
from uploads.documents.errors import StoreUnproved
from uploads.documents.model import Scope
from uploads.documents.proofs import StoreProof
from uploads.proofs import name_of
from uploads.storage.protocol import Bucket
from uploads.wiring import build

MIB = 1024 * 1024
OTHER = TEXT.replace(b"plain", b"evil!")
DIGEST = hashlib.sha256(TEXT).hexdigest()


@pytest.fixture
def dora(stack: Stack) -> Person:
    return newcomer(stack, "dora")


def incoming(stack: Stack, grant: dict[str, Any]) -> list[str]:
    folder = grant["id"].removeprefix("upl_") + "/"
    return [one.key for one in stack.services().storage.list(Bucket.INCOMING, folder)]


def test_one_put_from_the_grant_to_the_same_bytes_again(stack: Stack, dora: Person) -> None:
    grant = asked(dora, name="a.png", size=len(samples.png()), sha256=None)
    assert set(grant) == {
        *("id", "method", "state", "expires_at", "document_id", "received", "request")
    }
    assert (grant["method"], grant["state"], grant["document_id"]) == ("put", "open", None)
    request = grant["request"]
    assert set(request) == {"method", "url", "headers", "expires_at"}
    assert request["headers"] == {
        "Content-Type": "image/png",
        "Content-Length": str(len(samples.png())),
    }
    assert signed_headers(request["url"]) == "content-length;content-type;host"
    ends = datetime.fromisoformat(request["expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=14) < ends <= timedelta(minutes=15)
    assert sent(dora, grant, samples.png()).status_code == 200
    document = completed(dora, grant)
    assert (document["state"], document["sha256"]) == ("quarantined", None)
    found = dora.settle(document["id"])
    assert (found["state"], found["declared_type"]) == ("clean", None)
    assert dora.content(document["id"]) == samples.png()
    shown = dora.api.get(f"/uploads/{grant['id']}").json()
    assert (shown["state"], shown["document_id"]) == ("completed", document["id"])
    assert (shown["request"], len(shown["received"])) == (None, 1)
    assert completed(dora, grant)["id"] == document["id"]
    assert refusal(dora.api.delete(f"/uploads/{grant['id']}")) == (409, "conflict")
    invariants(stack, dora)


def test_a_checksum_is_signed_where_a_worker_has_proved_the_store(
    stack: Stack, dora: Person
) -> None:
    """This one was tried when the worker started, and does not look; then another is proved."""
    assert "store_proved" in stack.log.read_text(errors="replace")
    grant = asked(dora, sha256=DIGEST)
    plain = "content-length;content-type;host"
    assert signed_headers(grant["request"]["url"]) == plain
    other = {"s3_public_url": "https://files.example.org"}
    settings = stack.services().settings.model_copy(update=other)

    def now() -> str:
        services = build(settings)
        actor = services.accounts.key_actor(dora.key)
        assert actor is not None
        found = services.granting.get(actor, grant["id"])
        try:
            (request,) = services.granting.requests(found, [1])
        finally:
            services.records.close()  # type: ignore[attr-defined]
        return signed_headers(request.url)

    with pytest.raises(StoreUnproved):
        now()
    at = datetime.now(UTC)
    proof = StoreProof(*name_of(settings), at, proved_at=at, checks_sha256=True)
    stack.services().records.write(lambda work: work.proofs.record(proof))
    assert now() == f"{plain};x-amz-checksum-sha256;x-amz-sdk-checksum-algorithm"


def signed_headers(url: str) -> str:
    (names,) = parse_qs(urlsplit(url).query)["X-Amz-SignedHeaders"]
    return names


@pytest.mark.one_database
def test_parts_are_sent_in_any_order_and_again(stack: Stack, dora: Person) -> None:
    content = b"%s\n" % (b"some text " * 100) * (33 * MIB // 1001)
    grant = asked(dora, size=len(content), method="multipart")
    assert (grant["part_size"], grant["part_count"]) == (16 * MIB, 3)
    pieces = {n: content[(n - 1) * 16 * MIB : n * 16 * MIB] for n in (1, 2, 3)}
    assert [one["number"] for one in grant["parts"]] == [1, 2, 3]
    assert part(grant, 3)["request"]["headers"] == {"Content-Length": str(len(pieces[3]))}
    assert sent(dora, grant, pieces[3], 3).status_code == 200
    assert sent(dora, grant, pieces[1], 2).status_code == 200, "of the same length: not yet told"
    missing = dora.api.post(f"/uploads/{grant['id']}/complete")
    assert (*refusal(missing), missing.json()["missing"]) == (409, "incomplete", [1])
    received = dora.api.get(f"/uploads/{grant['id']}").json()["received"]
    assert [(one["number"], one["size"]) for one in received] == [
        (2, 16 * MIB),
        (3, len(pieces[3])),
    ]
    fresh = dora.api.post(f"/uploads/{grant['id']}/parts", json={"numbers": [2, 1]}).json()
    assert [one["number"] for one in fresh["parts"]] == [2, 1]
    for one in fresh["parts"]:
        assert signed(dora, one["request"], pieces[one["number"]]).status_code == 200
    found = dora.settle(completed(dora, grant)["id"])
    assert (found["state"], found["sha256"]) == ("clean", hashlib.sha256(content).hexdigest())
    none(lambda: incoming(stack, grant))


@pytest.mark.one_database
def test_what_the_policy_refuses_is_never_granted(alice: Person) -> None:
    for members, expected in (
        ({"name": "a.exe"}, (415, "type-not-allowed")),
        ({"type": "image/png"}, (415, "type-mismatch")),
        ({"size": 2**40}, (413, "file-too-large")),
    ):
        assert refusal(alice.api.post("/uploads", json={**ASKED, **members})) == expected
    form = alice.api.post("/uploads", data={"name": "a.txt"})
    assert refusal(form) == (415, "unsupported-media-type")
    grant = asked(alice)
    for numbers in ([], [0], [2], ["1"], list(range(1, 1002))):
        answer = alice.api.post(f"/uploads/{grant['id']}/parts", json={"numbers": numbers})
        assert refusal(answer) == (422, "invalid")
    filled = alice.api.post(f"/uploads/{grant['id']}/complete", json={"state": "clean"})
    assert refusal(filled) == (422, "invalid")


@pytest.mark.one_database
def test_the_store_holds_a_client_to_what_was_signed(stack: Stack, dora: Person) -> None:
    """Every header that the grant lists must come as it is, and the room is that of the grant."""
    grant = asked(dora)
    request = grant["request"]
    for name, value, body in (
        ("Content-Length", str(len(TEXT) + 1), TEXT + b"x"),
        ("Content-Type", "text/html", TEXT),
    ):
        changed = {**request, "headers": {**request["headers"], name: value}}
        assert signed(dora, changed, body).status_code == 403
    assert incoming(stack, grant) == []
    assert used(dora) == (len(TEXT), 1)


def test_a_refused_file_leaves_neither_bytes_nor_room_taken(stack: Stack, dora: Person) -> None:
    grant = asked(dora, name="a.png")
    assert sent(dora, grant).status_code == 200
    answer = dora.api.post(f"/uploads/{grant['id']}/complete")
    assert refusal(answer) == (415, "type-mismatch")
    assert answer.json()["detected_type"].startswith("text/")
    assert used(dora) == (0, 0)
    none(lambda: incoming(stack, grant))
    assert refusal(dora.api.post(f"/uploads/{grant['id']}/complete")) == (410, "gone")
    assert dora.api.get(f"/uploads/{grant['id']}").json()["state"] == "aborted"
    assert dora.documents() == []


def test_what_is_aborted_is_gone_and_its_room_is_back(stack: Stack, dora: Person) -> None:
    set_quota(dora, files_limit=1)
    grant = asked(dora)
    full = dora.api.post("/uploads", json=ASKED)
    assert refusal(full) == (403, "quota-exceeded")
    assert sent(dora, grant).status_code == 200
    for _ in range(2):
        assert dora.api.delete(f"/uploads/{grant['id']}").status_code == 204
    none(lambda: incoming(stack, grant))
    asked(dora)


def test_a_grant_whose_time_is_over_is_cleared_away(stack: Stack, dora: Person) -> None:
    """Its room is back with the next round of tidying; its bytes are orphans from then on."""
    grant = asked(dora)
    assert sent(dora, grant).status_code == 200
    url = stack.services().settings.database_url
    with create_engine(url, poolclass=NullPool).begin() as connection:
        over = text("UPDATE grants SET expires_at = created_at WHERE id = :id")
        connection.execute(over, {"id": grant["id"]})
    late = dora.api.post(f"/uploads/{grant['id']}/complete")
    assert refusal(late) == (410, "upload-expired")
    eventually(lambda: used(dora) == (0, 0), PATIENCE)
    shown = dora.api.get(f"/uploads/{grant['id']}").json()
    assert (shown["state"], shown["request"], shown["received"]) == ("expired", None, [])


def test_of_twenty_completions_at_once_all_name_one_document(stack: Stack, dora: Person) -> None:
    grant = asked(dora)
    sent(dora, grant)
    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(lambda _: completed(dora, grant)["id"], range(20)))
    assert set(found) == {"doc_" + grant["id"].removeprefix("upl_")}
    assert [one["id"] for one in dora.documents()] == found[:1]
    assert used(dora) == (len(TEXT), 1)


@pytest.mark.one_database
def test_a_promise_that_is_not_kept_ends_as_rejected(stack: Stack, dora: Person) -> None:
    kept = asked(dora, sha256=DIGEST)
    broken = asked(dora, sha256=DIGEST)
    assert sent(dora, kept).status_code == 200
    assert sent(dora, broken, OTHER).status_code == 200
    found = dora.settle(completed(dora, broken)["id"])
    assert (found["state"], found["verdict"]["reason"]) == ("rejected", "digest-mismatch")
    assert dora.settle(completed(dora, kept)["id"])["state"] == "clean"
    invariants(stack, dora)


@pytest.mark.one_database
def test_a_page_needs_its_token_and_a_reader_may_not_write(stack: Stack, alice: Person) -> None:
    with alice.browser() as browser:
        answer = browser.post("/api/v1/uploads", json=ASKED)
        assert refusal(answer) == (403, "csrf")
        headers = {"X-CSRF-Token": browser.token("/documents")}
        assert browser.post("/api/v1/uploads", json=ASKED, headers=headers).status_code == 201
    accounts = stack.services().accounts
    user = accounts.user(alice.email)
    _, key = accounts.create_key(user.id, "tests", {Scope.DOCUMENTS_READ})
    reader = {"Authorization": f"Bearer {key}"}
    answer = alice.api.post("/uploads", json=ASKED, headers=reader)
    assert refusal(answer) == (403, "forbidden")


@pytest.mark.one_database
def test_a_replay_after_the_verdict_changes_no_byte_that_is_served(
    stack: Stack, dora: Person
) -> None:
    """The URL is still good; what it brings now is nobody's."""
    grant = asked(dora)
    sent(dora, grant)
    document = completed(dora, grant)
    assert dora.settle(document["id"])["state"] == "clean"
    assert sent(dora, grant, OTHER).status_code == 200
    assert dora.content(document["id"]) == TEXT
    assert completed(dora, grant)["sha256"] == DIGEST
    invariants(stack, dora)


@pytest.mark.one_database
def test_a_replay_again_and_again_never_serves_what_was_not_inspected(
    stack: Stack, dora: Person
) -> None:
    """Both bodies change places from the completion to the verdict and beyond."""
    grant = asked(dora)
    sent(dora, grant)
    document = completed(dora, grant)
    bodies = cycle((TEXT, OTHER))

    def settled() -> dict[str, Any] | None:
        # The store may fail a PUT into a folder that it is just removing with its last object.
        assert sent(dora, grant, next(bodies)).status_code in {200, 500}
        found = dora.document(document["id"])
        return None if found["state"] in UNSETTLED else found

    found = eventually(settled, PATIENCE, every=0)
    assert found is not None
    assert found["state"] in {"clean", "rejected"}
    served = dora.content(document["id"])
    assert served in {TEXT, OTHER}
    assert hashlib.sha256(served).hexdigest() == found["sha256"]
    for _ in range(3):
        sent(dora, grant, OTHER if served == TEXT else TEXT)
        assert dora.content(document["id"]) == served
    invariants(stack, dora)
