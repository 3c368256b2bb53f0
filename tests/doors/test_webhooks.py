"""Webhooks as programs meet them: told, signed, shown; against a receiver on loopback."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import samples
from tests.support.grants import TEXT, refusal
from tests.support.newcomers import newcomer
from tests.support.people import PATIENCE, Person
from tests.support.receiver import Call, Receiver, receiving
from tests.support.stack import Stack
from tests.support.waiting import eventually
from uploads.documents.model import Scope


@pytest.fixture
def hugo(stack: Stack) -> Person:
    return newcomer(stack, "hugo")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def made(person: Person, url: str, **members: Any) -> dict[str, Any]:
    answer = person.api.post("/webhooks", json={"url": url, **members})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def heard(receiver: Receiver, document_id: str, event: str) -> Call:
    """What a receiver was told of this event, at least once."""
    said = f'"type":"{event}"'.encode()
    return eventually(
        lambda: [one for one in receiver.of(document_id) if said in one.body], PATIENCE
    )[0]


def told(person: Person, hook: dict[str, Any]) -> list[dict[str, Any]]:
    return list(person.api.get(f"/webhooks/{hook['id']}/deliveries").json()["items"])


def test_an_upload_is_told_of_from_its_verdict_to_its_end(hugo: Person, receiver: Receiver) -> None:
    hook = made(hugo, receiver.url)
    document_id = hugo.upload("told.txt", TEXT)
    clean = heard(receiver, document_id, "document.clean")
    payload = clean.verified(hook["secret"])
    assert (payload["type"], payload["data"]["state"]) == ("document.clean", "clean")
    shown = hugo.document(document_id)
    # Its pictures may have been drawn between the two.
    assert {**payload["data"], "renditions": shown["renditions"]} == shown
    assert payload["data"]["renditions"] in ([], shown["renditions"])
    assert payload["timestamp"] == shown["updated_at"]
    assert hugo.api.delete(f"/documents/{document_id}").status_code == 204
    gone = heard(receiver, document_id, "document.deleted").verified(hook["secret"])
    assert gone["data"]["name"] is None

    def both() -> bool:
        return [one["state"] for one in told(hugo, hook)] == ["delivered"] * 2

    eventually(both, PATIENCE)
    (last, first) = told(hugo, hook)
    assert (first["id"], first["event"], first["next_attempt_at"]) == (
        clean.id,
        "document.clean",
        None,
    )
    attempt = first["attempts"][-1]
    assert (attempt["status"], attempt["error"]) == (204, None)
    assert last["document_id"] == document_id


def test_only_what_was_asked_for_is_told_and_only_to_the_owner(
    stack: Stack, hugo: Person, receiver: Receiver
) -> None:
    other = newcomer(stack, "hilda")
    made(other, receiver.url)
    hook = made(hugo, receiver.url, events=["document.infected", "document.deleted"])
    assert hook["events"] == ["document.infected", "document.deleted"]
    document_id = hugo.upload("quiet.txt", TEXT)
    assert hugo.settle(document_id)["state"] == "clean"
    hugo.discard(document_id)
    assert heard(receiver, document_id, "document.deleted").verified(hook["secret"])
    assert [one["event"] for one in told(hugo, hook)] == ["document.deleted"]


def test_what_fails_is_tried_again_and_can_be_asked_for_anew(
    hugo: Person, receiver: Receiver
) -> None:
    receiver.answer = lambda _: 500 if len(receiver.calls) == 1 else 204
    hook = made(hugo, receiver.url)
    test = hugo.api.post(f"/webhooks/{hook['id']}/test")
    assert (test.status_code, test.json()["state"]) == (202, "pending")

    def delivered() -> list[dict[str, Any]]:
        return [one for one in told(hugo, hook) if one["state"] == "delivered"]

    (found,) = eventually(delivered, PATIENCE)
    attempts = [(one["status"], one["error"]) for one in found["attempts"]]
    assert (attempts[0], attempts[-1]) == ((500, "refused"), (204, None))
    again = f"/webhooks/{hook['id']}/deliveries/{found['id']}/redeliver"
    assert hugo.api.post(again).status_code == 202
    eventually(lambda: len(receiver.calls) > len(attempts), PATIENCE)
    assert {one.id for one in receiver.calls} == {found["id"]}
    payload = receiver.calls[-1].verified(hook["secret"])
    assert payload["type"] == "webhook.test"
    assert payload["data"] == {"webhook_id": hook["id"]}


def test_rotation_signs_with_both_secrets(hugo: Person, receiver: Receiver) -> None:
    hook = made(hugo, receiver.url)
    rotated = hugo.api.post(f"/webhooks/{hook['id']}/rotate").json()
    assert rotated["secret"] != hook["secret"]
    hugo.api.post(f"/webhooks/{hook['id']}/test")
    call = eventually(lambda: list(receiver.calls), PATIENCE)[0]
    assert len(call.headers["webhook-signature"].split(" ")) == 2
    assert call.verified(hook["secret"]) == call.verified(rotated["secret"])


def test_whoever_says_gone_is_told_nothing_any_more(hugo: Person, receiver: Receiver) -> None:
    receiver.answer = lambda _: 410
    hook = made(hugo, receiver.url)
    path = f"/webhooks/{hook['id']}"
    hugo.api.post(f"{path}/test")
    eventually(lambda: not hugo.api.get(path).json()["enabled"], PATIENCE)
    assert hugo.api.get(path).json()["disabled_reason"] == "gone"
    assert [one["state"] for one in told(hugo, hook)] == ["given-up"]
    assert refusal(hugo.api.post(f"{path}/test")) == (409, "conflict")
    receiver.answer = lambda _: 204
    changed = hugo.api.patch(path, json={"enabled": True}).json()
    assert (changed["enabled"], changed["disabled_reason"]) == (True, None)
    assert hugo.api.post(f"{path}/test").status_code == 202
    eventually(lambda: told(hugo, hook)[0]["state"] == "delivered", PATIENCE)


@pytest.mark.one_database
def test_a_secret_is_shown_once(stack: Stack, hugo: Person, receiver: Receiver) -> None:
    """Also where the request is repeated: neither database nor log nor a second answer has it."""
    headers = {"Idempotency-Key": "one"}
    first, second = (
        hugo.api.post("/webhooks", json={"url": receiver.url}, headers=headers) for _ in range(2)
    )
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.headers["Idempotent-Replayed"] == "true"
    secret = first.json()["secret"]
    assert second.json() == {**first.json(), "secret": None}
    assert len(hugo.api.get("/webhooks").json()["items"]) == 1
    for path in ("/webhooks", f"/webhooks/{first.json()['id']}"):
        assert "secret" not in hugo.api.get(path).text
    bare = secret.removeprefix("whsec_").encode()
    files = [stack.log, *stack.data.glob("uploads.db*")]
    assert not [file for file in files if bare in file.read_bytes()]


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/url"),
        ({"url": 7}, "/url"),
        ({"url": "https://10.0.0.1/"}, "/url"),
        ({"url": "ftp://127.0.0.1:2000/"}, "/url"),
        ({"url": "http://127.0.0.1:22/"}, "/url"),
        ({"url": "http://127.0.0.1:2000/", "events": []}, "/events"),
        ({"url": "http://127.0.0.1:2000/", "events": ["document.made"]}, "/events/0"),
        ({"url": "http://127.0.0.1:2000/", "owner_id": "x"}, "/owner_id"),
        ({"url": "http://127.0.0.1:2000/", "secret": "whsec_AAAA"}, "/secret"),
    ],
)
def test_a_wrong_member_is_pointed_at(hugo: Person, body: dict[str, Any], pointer: str) -> None:
    answer = hugo.api.post("/webhooks", json=body)
    assert refusal(answer) == (422, "invalid")
    assert [one["pointer"] for one in answer.json()["errors"]] == [pointer]
    assert hugo.api.get("/webhooks").json()["items"] == []


@pytest.mark.one_database
def test_changes_need_the_right_and_have_bounds(stack: Stack, hugo: Person) -> None:
    url = "http://127.0.0.1:2000/"
    hook = made(hugo, url)
    path = f"/webhooks/{hook['id']}"
    for body, pointer in (({"enabled": None}, "/enabled"), ({"url": "x"}, "/url")):
        answer = hugo.api.patch(path, json=body)
        assert answer.json()["errors"][0]["pointer"] == pointer
    reader = {"Authorization": f"Bearer {stack.key(hugo.email, Scope.DOCUMENTS_READ)}"}
    assert hugo.api.get(path, headers=reader).status_code == 200
    assert refusal(hugo.api.patch(path, json={}, headers=reader)) == (403, "forbidden")
    # Whoever is told of a document has read it: a key that may only write manages no webhooks.
    writer = {"Authorization": f"Bearer {stack.key(hugo.email, Scope.DOCUMENTS_WRITE)}"}
    for answer in (
        hugo.api.post("/webhooks", json={"url": url}, headers=writer),
        hugo.api.patch(path, json={"url": url}, headers=writer),
    ):
        assert refusal(answer) == (403, "forbidden")
    for _ in range(9):
        made(hugo, url)
    assert refusal(hugo.api.post("/webhooks", json={"url": url})) == (409, "conflict")
    page = hugo.api.get("/webhooks?limit=6").json()
    rest = hugo.api.get(f"/webhooks?limit=6&cursor={page['next_cursor']}").json()
    assert (len(page["items"]), len(rest["items"]), rest["next_cursor"]) == (6, 4, None)
    assert hugo.api.delete(path).status_code == 204
    assert refusal(hugo.api.delete(path)) == (404, "not-found")


def test_a_dead_receiver_delays_nobody(hugo: Person, receiver: Receiver) -> None:
    """Inspections and other webhooks go on while one receiver never answers."""
    with receiving() as dead:
        dead.answer = lambda _: hanging()
        for _ in range(9):
            made(hugo, dead.url)
        hook = made(hugo, receiver.url)
        document_id = hugo.upload("a.png", samples.png())
        assert hugo.settle(document_id)["state"] == "clean"
        assert heard(receiver, document_id, "document.clean").verified(hook["secret"])
        for one in hugo.api.get("/webhooks").json()["items"]:
            hugo.api.delete(f"/webhooks/{one['id']}")


def hanging() -> int:
    time.sleep(600)
    return 500
