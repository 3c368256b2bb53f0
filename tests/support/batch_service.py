"""A service that grants and completes files together, and its store: as much as a client sees."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import httpx
from multipart import MultipartSegment, PushMultipartParser, parse_options_header

from uploads_client import Client, Retries

Answer = Callable[[httpx.Request], httpx.Response | None]
_NO_LETTERS = str.maketrans("", "", '"%\\\n')
KIND = {"Content-Type": "application/problem+json"}


def problem(status: int, code: str, **more: Any) -> dict[str, Any]:
    return {"status": status, "code": code, "detail": f"It is {code}.", **more}


def refusal(
    status: int, code: str, headers: dict[str, str] | None = None, **more: Any
) -> httpx.Response:
    told = problem(status, code, **more)
    return httpx.Response(status, json=told, headers={**KIND, **(headers or {})})


class BatchService:
    """`meddle` sees each request first. Files named `*.exe` are refused; keys are kept."""

    def __init__(self, meddle: Answer = lambda request: None) -> None:
        self.meddle = meddle
        self.asked: list[httpx.Request] = []
        self.granted: dict[str, dict[str, Any]] = {}
        self.stored: dict[str, bytes] = {}
        self.aborted: list[str] = []
        self._kept: dict[str, httpx.Response] = {}
        self._lock = threading.Lock()

    def client(self, **more: Any) -> Client:
        """A client that streams nothing of more than a byte, and does not pause."""
        more = {"stream_up_to": 1, "retries": Retries(first=0), **more}
        transport = httpx.MockTransport(self.answer)
        return Client("http://service.test", "a-key", transport=transport, **more)

    def counted(self) -> Counter[str]:
        """How often each call came, by its method and the path's end."""
        return Counter(f"{one.method} {one.url.path.rpartition('/')[2]}" for one in self.asked)

    def batches(self, end: str = "/upload-batches") -> list[list[str]]:
        """Names, or ids, of the files of each batch."""
        found = [json.loads(one.content) for one in self.asked if one.url.path.endswith(end)]
        return [[file.get("name") or file["id"] for file in one["uploads"]] for one in found]

    def answer(self, request: httpx.Request) -> httpx.Response:
        request.read()
        with self._lock:
            self.asked.append(request)
        found = self.meddle(request)
        return found if found is not None else self.usual(request)

    def usual(self, request: httpx.Request) -> httpx.Response:
        """What it does where nobody meddles."""
        key = request.headers.get("Idempotency-Key", "")
        with self._lock:
            if key in self._kept:
                return self._kept[key]
            found = self._done(request, request.url.path.removeprefix("/api/v1"))
            if key:
                self._kept[key] = found
            return found

    def _done(self, request: httpx.Request, path: str) -> httpx.Response:
        if request.method == "PUT":
            self.stored[path.strip("/")] = request.content
            return httpx.Response(200)
        if request.method == "DELETE":
            self.aborted.append(path.rpartition("/")[2])
            return httpx.Response(204)
        if path == "/documents":
            name = request.url.params["name"]
            return httpx.Response(202, json=_document(name, request.content))
        if path == "/document-batches":
            return httpx.Response(
                200, json={"items": [self._take(*one) for one in posted(request)]}
            )
        if path == "/upload-batches":
            return self._items(request, self._grant)
        if path == "/upload-batches/complete":
            return self._items(request, self._complete)
        if path == "/uploads":
            return httpx.Response(201, json=self._grant(json.loads(request.content))["upload"])
        upload = path.split("/")[2]
        if path.endswith("/parts"):
            return httpx.Response(200, json={"parts": [{"number": 1, "request": _put(upload)}]})
        return httpx.Response(202, json=self._complete({"id": upload})["document"])

    def forms(self) -> list[list[str]]:
        """Names of the files of each form."""
        asked = [one for one in self.asked if one.url.path.endswith("/document-batches")]
        return [[name for name, _, _ in posted(one)] for one in asked]

    def _take(self, name: str, content: bytes, promised: str) -> dict[str, Any]:
        if name.endswith(".exe"):
            return {"problem": problem(415, "type-not-allowed", allowed=["text/plain"])}
        assert promised == hashlib.sha256(content).hexdigest()
        return {"document": _document(name, content)}

    def _items(
        self, request: httpx.Request, act: Callable[[dict[str, Any]], dict[str, Any]]
    ) -> httpx.Response:
        items = [act(one) for one in json.loads(request.content)["uploads"]]
        return httpx.Response(200, json={"items": items})

    def _grant(self, claim: dict[str, Any]) -> dict[str, Any]:
        if claim["name"].endswith(".exe"):
            return {"problem": problem(415, "type-not-allowed", allowed=["text/plain"])}
        upload = f"upl_{len(self.granted)}"
        self.granted[upload] = claim
        return {"upload": {"id": upload, "method": "put", "request": _put(upload)}}

    def _complete(self, asked: dict[str, Any]) -> dict[str, Any]:
        upload = asked["id"]
        if upload not in self.stored:
            return {"problem": problem(409, "incomplete", missing=[1])}
        return {"document": _document(self.granted[upload]["name"], self.stored[upload])}


def limited(which: Callable[[httpx.Request], bool], room: Iterable[int | None]) -> Answer:
    """Refuses requests of a kind for the limit, with room for so many at each; None lets one in."""
    left = iter(room)
    policies = '"user";q=100;w=60, "bytes";q=9;w=60;qu="content-bytes"'

    def full(request: httpx.Request) -> httpx.Response | None:
        if not which(request) or (count := next(left)) is None:
            return None
        told = f'"user";r={count};t=1, "bytes";r=1;t=1'
        headers = {"Retry-After": "0", "RateLimit": told, "RateLimit-Policy": policies}
        return refusal(429, "rate-limited", headers)

    return full


def posted(request: httpx.Request) -> list[tuple[str, bytes, str]]:
    """The files of a form: name, bytes, and the digest that was promised."""
    kind, options = parse_options_header(request.headers["Content-Type"])
    assert kind == "multipart/form-data"
    found: dict[str, list[tuple[str, bytes]]] = {"file": [], "sha256": []}
    parser, name = PushMultipartParser(options["boundary"].encode(), strict=True), ""
    for event in parser.parse(request.content):
        if isinstance(event, MultipartSegment):
            name = event.name
            found[name].append((event.filename or "", b""))
        elif event is not None:
            filename, content = found[name][-1]
            found[name][-1] = filename, content + event
    parser.close()
    digests = [content.decode() for _, content in found["sha256"]]
    return [(*one, digest) for one, digest in zip(found["file"], digests, strict=True)]


def _put(upload: str) -> dict[str, Any]:
    return {"method": "PUT", "url": f"http://store.test/{upload}", "headers": {}}


def _document(name: str, content: bytes) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    known = {
        "id": f"doc_{name.partition('.')[0][:40].translate(_NO_LETTERS)}",
        "name": name,
        "size": len(content),
    }
    return {**known, "sha256": digest, "state": "quarantined"}
