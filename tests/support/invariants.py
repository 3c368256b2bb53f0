"""The end of every test of faults and attacks: the promises hold, seen from outside."""

from __future__ import annotations

import hashlib
import json

import httpx

from tests.support.people import UNSETTLED, Person
from tests.support.stack import Stack
from tests.support.waiting import eventually

SERVED = {"clean", "released"}
SETTLE_SECONDS = 60
LEFTOVER_SECONDS = 30


def invariants(stack: Stack, *people: Person) -> None:
    """I1–I3 for the whole service by its own command, I1 and I2 for `people` over HTTP."""
    for person in people:
        _settled(person)
        for document in person.documents():
            _served_as_inspected(person, document)
    eventually(lambda: not stack.temporary_files(), LEFTOVER_SECONDS)
    eventually(lambda: _reconciled(stack), LEFTOVER_SECONDS)


def _settled(person: Person) -> None:
    def none_left() -> bool:
        return not {one["state"] for one in person.documents()} & UNSETTLED

    eventually(none_left, SETTLE_SECONDS)


def _served_as_inspected(person: Person, document: dict[str, object]) -> None:
    """Bytes come out only of a clean document, and they are the bytes that were inspected."""
    answer = person.api.get(f"/documents/{document['id']}/content")
    if document["state"] in SERVED:
        assert answer.status_code == 302, answer.text
        served = httpx.get(answer.headers["Location"], timeout=60)
        assert hashlib.sha256(served.content).hexdigest() == document["sha256"]
    else:
        assert answer.status_code in {404, 409, 410}, answer.text
        for name in ("thumbnail-200", "thumbnail-800"):
            refused = person.api.get(f"/documents/{document['id']}/renditions/{name}")
            assert refused.status_code in {404, 409, 410}, refused.text


def _reconciled(stack: Stack) -> bool:
    run = stack.cli("reconcile", "--check", "--json")
    assert run.returncode in {0, 1}, run.stderr
    json.loads(run.stdout)
    return run.returncode == 0
