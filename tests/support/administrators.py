"""Administrators of a running service, and what the quarantine desk says to them."""

from __future__ import annotations

from typing import Any

import httpx

from tests.support import samples
from tests.support.described import assert_described, operation
from tests.support.newcomers import newcomer
from tests.support.people import PATIENCE, Person
from tests.support.stack import Stack
from tests.support.waiting import eventually
from uploads.documents.model import Role, Scope

DESK = "/admin/quarantine"
_ROUTE = "/api/v1/admin/quarantine"
WHY = "A false alarm: our own test file."


def administrator(stack: Stack, name: str) -> Person:
    """Somebody with the role, a password, and a key with the scope `admin` alone."""
    email, password = f"{name}@example.org", f"{name} has a long password"
    stack.add_user(email, password, Role.ADMIN)
    made = Person(stack, email, password, stack.key(email, Scope.ADMIN))
    stack.people.append(made)
    return made


def infected(stack: Stack, name: str = "virus.txt") -> tuple[Person, dict[str, Any]]:
    """Somebody new, and a file of theirs that was found infected."""
    owner = newcomer(stack, "owner")
    document = owner.settle(owner.upload(name, samples.eicar()))
    assert document["state"] == "infected"
    return owner, document


def asked(
    person: Person, method: str, rest: str = "", verb: str = "", **more: Any
) -> httpx.Response:
    """What the desk answers, held against its description."""
    answer = person.api.request(method, f"{DESK}{rest}{verb}", **more)
    route = _ROUTE + ("/<document_id>" if rest.startswith("/") else "") + verb
    described = operation(route, method)
    assert described is not None
    assert_described(answer, described)
    return answer


def release(person: Person, document: dict[str, Any], **changes: Any) -> httpx.Response:
    body = {"sha256": document["sha256"], "reason": WHY, **changes}
    return asked(person, "POST", f"/{document['id']}", "/release", json=body)


def released(owner: Person, document: dict[str, Any], *administrators: Person) -> dict[str, Any]:
    """The document, once both have agreed and a worker has carried it out."""
    for one in administrators:
        assert release(one, document).status_code == 202
    return in_state(owner, document, "released")


def in_state(owner: Person, document: dict[str, Any], state: str) -> dict[str, Any]:
    """The document, once it is in this state."""

    def found() -> dict[str, Any] | None:
        now = owner.document(document["id"])
        return now if now["state"] == state else None

    return eventually(found, PATIENCE) or {}
