"""An upload by signed URL: ask for a grant, PUT the bytes into the store, complete.

Three requests over two connections, as a program would send them; and what the service's own
library does in their place with a small file.
"""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from bench.load.upload import BLOCK, Upload, film, form_of_many, raw_upload, request_head
from uploads_client.forms import LARGEST

_UPLOADS, _BATCHES = "/api/v1/uploads", "/api/v1/upload-batches"
_JSON = "Content-Type: application/json"


@dataclass(frozen=True, slots=True)
class Api:
    """Where the service is, and the header by which it knows who asks."""

    port: int
    authorization: str

    def post(self, target: str, body: bytes, *headers: str) -> bytes:
        """One JSON request as the bytes that are sent."""
        named = _JSON, self.authorization, *headers
        return request_head("POST", target, self.port, len(body), *named) + body

    def grant(self, number: int, size: int) -> Upload:
        """Ask for a grant for one PUT, and leave it at that."""
        return Upload(self._ask(number, size), 0, b"", 201)

    def upload(self, number: int, size: int) -> Upload:
        """The whole way of one file."""
        return Upload(self._ask(number, size), 0, b"", 201, then=_Put(self, size))

    def batch(self, first: int, files: int, size: int) -> Upload:
        """The whole way of so many files: granted together, sent one by one, completed together."""
        asked = [self._claims(first + n, size) for n in range(files)]
        body = json.dumps({"uploads": asked}).encode()
        return Upload(self.post(_BATCHES, body), 0, b"", 200, then=_Puts(self, size))

    def form(self, first: int, files: int, size: int) -> Upload:
        """So many files as parts of one form."""
        return self._form(first, files, size, None)

    def many(self, first: int, files: int, size: int) -> Upload:
        """As `uploads-client` sends many files of this size: under a key, digests promised."""
        if size > LARGEST:
            return self._promised(first, files, size)
        sha256 = base64.b64decode(_digest(size)).hex()
        return self._form(first, files, size, sha256, f"Idempotency-Key: {uuid.uuid4()}")

    def _form(self, first: int, files: int, size: int, sha256: str | None, *headers: str) -> Upload:
        names = [f"film-{first + n}.mp4" for n in range(files)]
        told = *headers, self.authorization
        return form_of_many("/api/v1/document-batches", self.port, size, 200, names, sha256, *told)

    def _promised(self, first: int, files: int, size: int) -> Upload:
        sha256 = base64.b64decode(_digest(size)).hex()
        asked = [{**self._claims(first + n, size), "sha256": sha256} for n in range(files)]
        body, key = json.dumps({"uploads": asked}).encode(), f"Idempotency-Key: {uuid.uuid4()}"
        return Upload(self.post(_BATCHES, body, key), 0, b"", 200, then=_Puts(self, size))

    def streamed(self, number: int, size: int) -> Upload:
        """The same file as `uploads-client` sends a small one: streamed, digested, under a key."""
        target = f"/api/v1/documents?name=film-{number}.mp4"
        key, digest = f"Idempotency-Key: {uuid.uuid4()}", f"Repr-Digest: sha-256=:{_digest(size)}:"
        return raw_upload("POST", target, self.port, size, 202, key, digest, self.authorization)

    def _ask(self, number: int, size: int) -> bytes:
        asked = {**self._claims(number, size), "method": "put"}
        return self.post(_UPLOADS, json.dumps(asked).encode())

    @staticmethod
    def _claims(number: int, size: int) -> dict[str, Any]:
        return {"name": f"film-{number}.mp4", "size": size, "type": "video/mp4"}


@dataclass(frozen=True, slots=True)
class _Put:
    """Sends the bytes as the grant says, word for word."""

    api: Api
    size: int

    def __call__(self, answer: bytes) -> Upload:
        grant = json.loads(answer)
        return _put(grant, self.size, _Complete(self.api, grant["id"]))


def _put(grant: dict[str, Any], size: int, then: Callable[[bytes], Upload]) -> Upload:
    url = urlsplit(grant["request"]["url"])
    port = url.port or 80
    named = grant["request"]["headers"].items()
    headers = [f"{name}: {value}" for name, value in named if name != "Content-Length"]
    head = request_head("PUT", f"{url.path}?{url.query}", port, size, *headers)
    start = film(size)
    return Upload(head + start, size - len(start), b"", 200, port, then)


@dataclass(frozen=True, slots=True)
class _Puts:
    """Sends one file of a batch after the other."""

    api: Api
    size: int
    grants: tuple[dict[str, Any], ...] = ()
    place: int = 0

    def __call__(self, answer: bytes) -> Upload:
        grants = self.grants
        if not grants:
            grants = tuple(one["upload"] for one in json.loads(answer)["items"])
        if self.place == len(grants):
            ids = [{"id": one["id"]} for one in grants]
            body = self.api.post(f"{_BATCHES}/complete", json.dumps({"uploads": ids}).encode())
            return Upload(body, 0, b"", 200, files=len(grants))
        then = _Puts(self.api, self.size, grants, self.place + 1)
        return _put(grants[self.place], self.size, then)


@dataclass(frozen=True, slots=True)
class _Complete:
    api: Api
    grant_id: str

    def __call__(self, answer: bytes) -> Upload:
        del answer
        return Upload(self.api.post(f"{_UPLOADS}/{self.grant_id}/complete", b"{}"), 0, b"", 202)


@lru_cache
def _digest(size: int) -> str:
    """SHA-256 of what is sent as a file of this size, in base64."""
    start = film(size)
    found, left = hashlib.sha256(start), size - len(start)
    while left:
        piece = BLOCK[:left]
        found.update(piece)
        left -= len(piece)
    return base64.b64encode(found.digest()).decode()
