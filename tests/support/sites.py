"""A site that has nothing to do with the service, and what a page of it does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ASK = """
async ([url, {named, form, ...more}]) => {
  if (form) {
    more.body = new FormData();
    more.body.append("file", new File([form], "words.txt", {type: "text/plain"}));
  }
  try {
    const answer = await fetch(url, more);
    const headers = Object.fromEntries((named || []).map((one) => [one, answer.headers.get(one)]));
    return {status: answer.status, headers, body: await answer.text()};
  } catch (error) {
    return {failed: error.name};
  }
}
"""


class _Blank(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>Tools</title>")

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


@contextmanager
def blank_site() -> Iterator[int]:
    """The port of a site with one empty page, on loopback."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Blank) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()
