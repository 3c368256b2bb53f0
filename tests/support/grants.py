"""What a program does with the signed URLs of a running service."""

from __future__ import annotations

from typing import Any

import httpx

from tests.support.people import Person

TEXT = b"a plain text, long enough to be one\n" * 4
ASKED = {"name": "a.txt", "size": len(TEXT)}


def asked(person: Person, **members: Any) -> dict[str, Any]:
    """A grant for a small text, or for what `members` say instead."""
    answer = person.api.post("/uploads", json={**ASKED, **members})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def sent(
    person: Person, grant: dict[str, Any], body: bytes = TEXT, number: int | None = None
) -> httpx.Response:
    """Do what a signed request says: of the one PUT, or of part `number`."""
    request = grant["request"] if number is None else part(grant, number)["request"]
    return signed(person, request, body)


def signed(person: Person, request: dict[str, Any], body: bytes) -> httpx.Response:
    """Send a signed request verbatim, with nothing of ours beside it."""
    return person.fetch(request["method"], request["url"], headers=request["headers"], content=body)


def part(grant: dict[str, Any], number: int) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in grant["parts"] if one["number"] == number)
    return found


def completed(person: Person, grant: dict[str, Any]) -> dict[str, Any]:
    """The document that a grant becomes."""
    answer = person.api.post(f"/uploads/{grant['id']}/complete")
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


def used(person: Person) -> tuple[int, int]:
    quota = person.api.get("/me").json()["quota"]
    return quota["bytes_used"], quota["files_used"]


def refusal(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]
