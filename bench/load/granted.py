"""An upload by signed URL: ask for a grant, PUT the bytes into the store, complete.

Three requests over two connections, as a program would send them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import urlsplit

from bench.load.upload import Upload, film, request_head

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
