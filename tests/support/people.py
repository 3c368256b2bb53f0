"""A user of the running service: a program with a key, and a person with a browser's session."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx

from tests.support import plain

if TYPE_CHECKING:
    from tests.support.stack import Stack

# How long a condition of the running service may take: it is over as soon as it holds, and the
# slowest machine, with others at work on it, is no reason to fail.
PATIENCE = 180
UNSETTLED = {"receiving", "quarantined", "scanning"}
_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


class Person:
    """Speaks to the service as one user."""

    def __init__(self, stack: Stack, email: str, password: str, key: str) -> None:
        self.stack = stack
        self.email = email
        self.password = password
        self.key = key
        self.api = httpx.Client(
            base_url=f"{stack.base_url}/api/v1",
            headers={"Authorization": f"Bearer {key}"},
            transport=stack.transport(),
            verify=False,
            timeout=plain.SECONDS,
        )

    def close(self) -> None:
        self.api.close()

    # --- as a program ---

    def post(self, name: str, content: bytes, declared: str = "", **more: Any) -> httpx.Response:
        """Upload one file as a form."""
        part = (name, content, declared) if declared else (name, content)
        return self.api.post("/documents", files={"file": part}, **more)

    def upload(self, name: str, content: bytes) -> str:
        """Upload one file that is accepted; returns its id."""
        answer = self.post(name, content)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def document(self, document_id: str, **params: Any) -> dict[str, Any]:
        answer = self.api.get(f"/documents/{document_id}", params=params)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def settle(self, document_id: str, seconds: int = PATIENCE) -> dict[str, Any]:
        """The document as it stands when it is settled; fails when that takes longer."""
        end = time.monotonic() + seconds
        while (found := self.document(document_id, wait=min(seconds, 10)))["state"] in UNSETTLED:
            assert time.monotonic() < end, f"not settled: {found}\n{self.stack.tail()}"
            # Where too many wait already, the answer comes at once.
            time.sleep(0.05)
        return found

    def content(self, document_id: str) -> bytes:
        """The bytes behind the redirect, fetched as a browser would, without the key."""
        answer = self.api.get(f"/documents/{document_id}/content")
        assert answer.status_code == 302, answer.text
        fetched = self.fetch("GET", answer.headers["Location"])
        assert fetched.status_code == 200, fetched.text
        return fetched.content

    def fetch(self, method: str, url: str, **more: Any) -> httpx.Response:
        """Ask any of the service's hosts, without the key."""
        with httpx.Client(
            transport=self.stack.transport(), timeout=plain.SECONDS, verify=False
        ) as stranger:
            return stranger.request(method, url, **more)

    def documents(self, **params: Any) -> list[dict[str, Any]]:
        """All documents of this user, page by page."""
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            more = {"cursor": cursor} if cursor else {}
            answer = self.api.get("/documents", params={"limit": 200, **params, **more})
            assert answer.status_code == 200, answer.text
            found += answer.json()["items"]
            cursor = answer.json()["next_cursor"]
            if cursor is None:
                return found

    def discard(self, *document_ids: str) -> None:
        """Delete these: what is not inspected yet need not be, and delays nobody."""
        for document_id in document_ids:
            assert self.api.delete(f"/documents/{document_id}").status_code == 204

    # --- as a person ---

    @contextmanager
    def browser(self) -> Iterator[Browser]:
        """A new browser in which this person has signed in."""
        with Browser(self.stack) as browser:
            answer = browser.sign_in(self.email, self.password)
            assert answer.status_code == 303, answer.text
            yield browser


class Browser(httpx.Client):
    """Cookies and forms without scripts, on the app's origin."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(
            base_url=stack.base_url,
            headers={"Accept": "text/html"},
            transport=stack.transport(),
            verify=False,
            timeout=plain.SECONDS,
        )

    def token(self, page: str = "/") -> str:
        """The CSRF token of the form on this page."""
        answer = self.get(page)
        found = _TOKEN.search(answer.text)
        assert found, answer.text
        return found[1]

    def sign_in(self, email: str, password: str, token: str | None = None) -> httpx.Response:
        fields = {"csrf_token": token or self.token("/sign-in")}
        return self.post("/sign-in", data={**fields, "email": email, "password": password})
