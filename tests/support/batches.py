"""Many files of the same text in one request."""

from __future__ import annotations

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
