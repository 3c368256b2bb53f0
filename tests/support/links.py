"""What people and programs do with links of a running service."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.support.people import Person


def clean(person: Person, name: str, content: bytes) -> str:
    """Upload something harmless and wait until it can be shared."""
    document_id = person.upload(name, content)
    assert person.settle(document_id)["state"] == "clean"
    return document_id


def shared(person: Person, *documents: str, **members: Any) -> dict[str, Any]:
    """A link to these documents, as it was made."""
    answer = person.api.post("/links", json={"documents": list(documents), **members})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


@contextmanager
def stranger(person: Person, **more: Any) -> Iterator[httpx.Client]:
    """Somebody without an account, who follows redirects."""
    more = {"follow_redirects": True, "timeout": 180, "verify": False, **more}
    with httpx.Client(transport=person.stack.transport(), **more) as client:
        yield client


def got(person: Person, url: str, method: str = "GET", **more: Any) -> httpx.Response:
    """What a stranger gets at the end of the redirects."""
    with stranger(person) as client:
        return client.request(method, url, **more)


def ticket(person: Person, url: str, **more: Any) -> str:
    """Use a link once; the address that the download is then at."""
    answer = person.fetch("GET", url, **more)
    assert answer.status_code == 303, answer.text
    return str(httpx.URL(url).join(answer.headers["Location"]))


def downloads(person: Person, link: dict[str, Any]) -> int:
    return int(person.api.get(f"/links/{link['id']}").json()["downloads"])


def refusal(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]
