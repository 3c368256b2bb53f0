"""Many files in one request, and what is told of them."""

from __future__ import annotations

from typing import Any

import httpx

from tests.support.people import Person

TEXT = b"a plain text, long enough to be one\n"


def granted(person: Person, count: int) -> httpx.Response:
    """Ask for grants of so many files."""
    wanted = {"name": "a.txt", "size": len(TEXT)}
    return person.api.post("/upload-batches", json={"uploads": [wanted] * count})


def posted(person: Person, count: int) -> httpx.Response:
    """Send so many files in one form."""
    files = [("file", (f"{number}.txt", TEXT)) for number in range(count)]
    return person.api.post("/document-batches", files=files)


def items(answer: httpx.Response) -> list[dict[str, Any]]:
    """What is told of each."""
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def codes(found: list[dict[str, Any]]) -> list[str | None]:
    """The code of each refusal, None for what was made or taken."""
    return [one["problem"]["code"] if "problem" in one else None for one in found]
