"""A store in memory that checks no signature and can be given what rclone has not, good and bad.

It stands in for stores of the world that the machine has none of: what the doctor says of them is
seen here. Whether they are really like that is for the doctor to find out there.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from uploads.storage.protocol import Bucket


@dataclass
class Powers:
    """What it can do; `rules` are lifecycle rules in XML by bucket."""

    conditional: bool = False
    copies: bool = True
    multipart: bool = True
    cors: bool = False
    cors_origin: str = "*"
    versioning: bool = False
    rules: dict[str, str] = field(default_factory=dict)
    forgets: bool = False
    refuses: bool = False
    fails: bool = False
    troubled: int = 0
    skew: timedelta = timedelta()


@contextmanager
def lax_store(powers: Powers) -> Iterator[str]:
    """The address of such a store; it must be empty at the end."""
    kept: dict[str, bytes] = {}

    class Handler(_Handler):
        can, objects = powers, kept

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
    assert kept == {}, "something was left behind"


class _Handler(BaseHTTPRequestHandler):
    can: Powers
    objects: dict[str, bytes]

    def do_PUT(self) -> None:
        body, place = self._body(), urlsplit(self.path)
        if self.can.troubled:
            return self._answer(self.can.troubled)
        if self.can.refuses:
            return self._answer(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>")
        if "partNumber" in parse_qs(place.query):
            self.objects["part"] = body
            return self._answer(200, ETag='"e"')
        if self.headers.get("x-amz-copy-source"):
            if self.can.copies:
                self.objects[place.path] = self.objects["/" + self.headers["x-amz-copy-source"]]
            return self._answer(200, b"<CopyObjectResult><ETag>e</ETag></CopyObjectResult>")
        if self.can.conditional and self.headers.get("If-None-Match"):
            return self._answer(412, b"<Error><Code>PreconditionFailed</Code></Error>")
        if not self.can.forgets:
            self.objects[place.path] = body
        return self._answer(200)

    def do_POST(self) -> None:
        self._body()
        place = urlsplit(self.path)
        if not self.can.multipart:
            return self._answer(501, b"<Error><Code>NotImplemented</Code></Error>")
        if place.query.startswith("uploads"):
            upload = b"<UploadId>u</UploadId>"
            return self._answer(
                200,
                b"<InitiateMultipartUploadResult>" + upload + b"</InitiateMultipartUploadResult>",
            )
        self.objects[place.path] = self.objects.pop("part")
        return self._answer(200, b"<CompleteMultipartUploadResult/>")

    def do_GET(self) -> None:
        place = urlsplit(self.path)
        if self.can.fails:
            return self._answer(503)
        if place.query.startswith("versioning"):
            status = b"<Status>Enabled</Status>" if self.can.versioning else b""
            return self._answer(
                200, b"<VersioningConfiguration>" + status + b"</VersioningConfiguration>"
            )
        if place.query.startswith("lifecycle"):
            rules = self.can.rules.get(place.path.strip("/"))
            if rules is None:
                return self._answer(
                    404, b"<Error><Code>NoSuchLifecycleConfiguration</Code></Error>"
                )
            return self._answer(200, f"<LifecycleConfiguration>{rules}</LifecycleConfiguration>")
        if "list-type" in place.query:
            prefix = place.path + "/" + parse_qs(place.query).get("prefix", [""])[0]
            rows = "".join(
                f"<Contents><Key>{path.split('/', 2)[2]}</Key><Size>{len(body)}</Size>"
                "<LastModified>2026-01-01T00:00:00Z</LastModified></Contents>"
                for path, body in self.objects.items()
                if path.startswith(prefix)
            )
            return self._answer(200, f"<ListBucketResult>{rows}</ListBucketResult>")
        return self._object(place.path)

    def _object(self, path: str) -> None:
        body = self.objects.get(path)
        if body is None:
            return self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        wanted = self.headers.get("Range")
        if wanted is None:
            return self._answer(200, body)
        first, last = (int(word) for word in wanted.removeprefix("bytes=").split("-"))
        part = body[first : last + 1]
        told = f"bytes {first}-{first + len(part) - 1}/{len(body)}"
        return self._answer(206, part, Content_Range=told)

    def do_HEAD(self) -> None:
        known = {f"/{bucket}" for bucket in Bucket} | set(self.objects)
        self._answer(200 if urlsplit(self.path).path in known else 404)

    def do_DELETE(self) -> None:
        self.objects.pop(urlsplit(self.path).path, None)
        self._answer(204)

    def do_OPTIONS(self) -> None:
        if not self.can.cors:
            return self._answer(403)
        told = {
            "Access_Control_Allow_Origin": self.can.cors_origin,
            "Access_Control_Allow_Headers": "*",
        }
        return self._answer(200, **told)

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _answer(self, status: int, body: bytes | str = b"", **headers: str) -> None:
        data = body.encode() if isinstance(body, str) else body
        self.send_response_only(status)
        self.send_header("Date", format_datetime(datetime.now(UTC) + self.can.skew, usegmt=True))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""
