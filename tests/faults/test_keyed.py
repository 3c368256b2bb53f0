"""Web processes that die when a keyed request's work is done and nobody was told: done once."""

from __future__ import annotations

from functools import partial
from typing import Any

import httpx
import pytest

from tests.support import grants, samples
from tests.support.administrators import WHY, administrator
from tests.support.faults import Faults
from tests.support.grants import ASKED, used
from tests.support.invariants import invariants
from tests.support.newcomers import newcomer
from tests.support.people import PATIENCE, Person
from tests.support.stack import Stack
from tests.support.waiting import eventually


@pytest.fixture
def emma(stack: Stack) -> Person:
    return newcomer(stack, "emma")


def repeated(person: Person, faults: Faults, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Ask until there is an answer, the first time of a process that dies before it tells."""
    key = {"Idempotency-Key": path.rpartition("/")[2]}
    faults.kill("k1")
    with pytest.raises(httpx.TransportError):
        person.api.post(path, json=body, headers=key)
    assert faults.to_come() == []

    def answered() -> httpx.Response | None:
        try:
            return person.api.post(path, json=body, headers=key)
        except httpx.TransportError:
            return None

    answer = eventually(answered, PATIENCE)
    assert answer is not None
    assert answer.is_success, answer.text
    assert answer.headers["Idempotent-Replayed"] == "true"
    return dict(answer.json())


def test_what_is_made_is_made_once(stack: Stack, faults: Faults, emma: Person) -> None:
    """A secret that only the first answer had is told to nobody any more."""
    text = emma.settle(emma.upload("a.txt", samples.txt()))["id"]
    again = partial(repeated, emma, faults)
    link = again("/links", {"documents": [text]})
    assert [one["url"] for one in emma.api.get("/links").json()["items"]] == [link["url"]]
    hook = again("/webhooks", {"url": "http://127.0.0.1:9999/"})
    assert [one["id"] for one in emma.api.get("/webhooks").json()["items"]] == [hook["id"]]
    key = again("/keys", {"name": "k", "scopes": ["documents:read"]})
    keys = [one["id"] for one in emma.api.get("/keys").json()["items"] if one["name"] == "k"]
    assert keys == [key["id"]]
    assert (hook["secret"], key["secret"]) == (None, None)
    grant = again("/uploads", ASKED)
    assert used(emma)[1] == 2
    [one] = again("/upload-batches", {"uploads": [ASKED]})["items"]
    assert emma.api.delete(f"/uploads/{one['upload']['id']}").status_code == 204
    assert used(emma)[1] == 2
    assert grants.sent(emma, grant).status_code == 200
    document = again(f"/uploads/{grant['id']}/complete", {})
    assert emma.settle(document["id"])["state"] == "clean"
    assert sorted(one["id"] for one in emma.documents()) == sorted([text, document["id"]])
    emma.api.delete(f"/webhooks/{hook['id']}")
    invariants(stack, emma)


@pytest.mark.one_database
def test_a_release_is_asked_for_once(stack: Stack, faults: Faults, emma: Person) -> None:
    vera = administrator(stack, "wanda")
    document = emma.settle(emma.upload("virus.txt", samples.eicar()))
    asked = {"sha256": document["sha256"], "reason": WHY}
    case = repeated(vera, faults, f"/admin/quarantine/{document['id']}/release", asked)
    assert case["release"]["state"] == "asked"
