"""An upload by signed URL: ask for a grant, PUT the bytes into the store, complete.

Three requests over two connections, as a program would send them; and what the service's own
library does in their place with a small file.
"""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from bench.load.upload import BLOCK, Upload, film, raw_upload, request_head

_UPLOADS = "/api/v1/uploads"
_JSON = "Content-Type: application/json"


@dataclass(frozen=True, slots=True)
class Api:
    """Where the service is, and the header by which it knows who asks."""

    port: int
    authorization: str

    def post(self, target: str, body: bytes) -> bytes:
        """One JSON request as the bytes that are sent."""
        head = request_head("POST", target, self.port, len(body), _JSON, self.authorization)
        return head + body

    def grant(self, number: int, size: int) -> Upload:
        """Ask for a grant for one PUT, and leave it at that."""
        return Upload(self._ask(number, size), 0, b"", 201)

    def upload(self, number: int, size: int) -> Upload:
        """The whole way of one file."""
        return Upload(self._ask(number, size), 0, b"", 201, then=_Put(self, size))

    def streamed(self, number: int, size: int) -> Upload:
        """The same file as `uploads-client` sends a small one: streamed, digested, under a key."""
        target = f"/api/v1/documents?name=film-{number}.mp4"
        key, digest = f"Idempotency-Key: {uuid.uuid4()}", f"Repr-Digest: sha-256=:{_digest(size)}:"
        return raw_upload("POST", target, self.port, size, 202, key, digest, self.authorization)

    def _ask(self, number: int, size: int) -> bytes:
        asked = {"name": f"film-{number}.mp4", "size": size, "type": "video/mp4", "method": "put"}
        return self.post(_UPLOADS, json.dumps(asked).encode())


@dataclass(frozen=True, slots=True)
class _Put:
    """Sends the bytes as the grant says, word for word."""

    api: Api
    size: int

    def __call__(self, answer: bytes) -> Upload:
        grant = json.loads(answer)
        url = urlsplit(grant["request"]["url"])
        port = url.port or 80
        named = grant["request"]["headers"].items()
        headers = [f"{name}: {value}" for name, value in named if name != "Content-Length"]
        head = request_head("PUT", f"{url.path}?{url.query}", port, self.size, *headers)
        start = film(self.size)
        then = _Complete(self.api, grant["id"])
        return Upload(head + start, self.size - len(start), b"", 200, port, then)


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
