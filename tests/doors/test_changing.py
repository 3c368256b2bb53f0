"""PATCH of documents: another name that still fits, and an end that comes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.grants import TEXT, refusal, used
from tests.support.invariants import invariants
from tests.support.newcomers import newcomer
from tests.support.people import PATIENCE, Person
from tests.support.stack import Stack
from tests.support.waiting import eventually


@pytest.fixture
def lena(stack: Stack) -> Person:
    return newcomer(stack, "lena")


def in_(**time: float) -> str:
    return (datetime.now(UTC) + timedelta(**time)).isoformat()


def test_a_document_gets_another_name_and_is_found_by_it(lena: Person) -> None:
    document_id = lena.upload("a.txt", TEXT)
    before = lena.settle(document_id)
    changed = lena.api.patch(f"/documents/{document_id}", json={"name": "Über Öl.txt"})
    assert changed.status_code == 200
    expected = {**before, "name": "Über Öl.txt"}
    # Pictures come when they are drawn.
    assert {**changed.json(), "renditions": before["renditions"]} == expected
    assert {**lena.document(document_id), "renditions": before["renditions"]} == expected
    assert [one["id"] for one in lena.documents(q="ÖL")] == [document_id]
    assert lena.documents(q="a.txt") == []


def test_a_document_goes_when_its_owner_wanted(stack: Stack, lena: Person) -> None:
    document_id = lena.upload("a.txt", TEXT)
    lena.settle(document_id)
    path = f"/documents/{document_id}"
    for ends in (in_(days=9), None, in_(seconds=60)):
        changed = lena.api.patch(path, json={"expires_at": ends})
        assert changed.status_code == 200
        assert (changed.json()["expires_at"] is None) is (ends is None)
    # As if the minute were over.
    records = stack.services().records
    past = {"expires_at": datetime.now(UTC)}
    found = records.read(lambda work: work.documents.find(document_id))
    assert found is not None
    records.write(lambda work: work.documents.change(document_id, found.state, past))
    eventually(lambda: lena.document(document_id)["state"] == "expired", PATIENCE)
    assert used(lena) == (0, 0)
    assert refusal(lena.api.get(f"{path}/content")) == (410, "gone")
    assert refusal(lena.api.patch(path, json={"expires_at": None})) == (410, "gone")
    invariants(stack, lena)


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": None}, "/name"),
        ({"name": ""}, "/name"),
        ({"name": "a/b.txt"}, "/name"),
        ({"name": "a.png"}, "/name"),
        ({"name": "a.exe"}, "/name"),
        ({"name": "a" * 300 + ".txt"}, "/name"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
        ({"expires_at": "9999-01-01T00:00:00Z"}, "/expires_at"),
        ({"expires_at": "soon"}, "/expires_at"),
        ({"expires_at": 1e309}, "/expires_at"),
        ({"state": "clean"}, "/state"),
        ({"owner_id": "x"}, "/owner_id"),
    ],
)
def test_a_wrong_member_is_pointed_at(lena: Person, body: dict[str, Any], pointer: str) -> None:
    import json

    document_id = lena.upload("a.txt", TEXT)
    headers = {"Content-Type": "application/json"}
    path = f"/documents/{document_id}"
    answer = lena.api.patch(path, content=json.dumps(body), headers=headers)
    assert refusal(answer) == (422, "invalid")
    assert [one["pointer"] for one in answer.json()["errors"]] == [pointer]
    assert lena.document(document_id)["name"] == "a.txt"
    lena.discard(document_id)
