"""A front before rclone that does what rclone does not: hold a PUT against its checksum.

It is not a store of the world, only what one that checks looks like from outside (S3 answers 400
`BadDigest` then); everything else, signatures above all, is rclone's, which gets each request under
the name that was signed. That stores which check really answer so is the vendors' word.
"""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import urllib3


class _Front(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Somebody is there."""
        self._answer(403)

    def _answer(self, status: int) -> None:
        words = b"<Error><Code>BadDigest</Code></Error>" if status == 400 else b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(words)))
        self.end_headers()
        self.wfile.write(words)

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


@contextmanager
def checking(
    endpoint: str, *, keeps: bool = False, refuses_all: bool = False, fails: bool = False
) -> Iterator[str]:
    """The address of such a front before the S3 server at `endpoint`.

    Staged flaws: it `keeps` what it refuses, `refuses_all` that has a checksum, or only `fails`.
    """

    class Front(_Front):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
            promised = self.headers.get("x-amz-checksum-sha256")
            bad = promised is not None and (promised != digest or refuses_all)
            status = 200
            if keeps or not bad:
                url = f"{endpoint}{self.path}"
                answer = urllib3.request("PUT", url, body=body, headers=dict(self.headers.items()))
                status = answer.status
            self._answer(503 if fails else 400 if bad else status)

    with ThreadingHTTPServer(("127.0.0.1", 0), Front) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
