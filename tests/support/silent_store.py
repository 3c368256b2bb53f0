"""A service that grants room for parts or files, and its store, which reads and never answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class SilentStore:
    """What came to both: `read` has the length of each part, `aborted` the paths of DELETEs."""

    def __init__(self, part_size: int, part_count: int, url: str = "") -> None:
        self.part_size, self.part_count, self.url = part_size, part_count, url
        self.read: list[int] = []
        self.aborted: list[str] = []
        self.over = threading.Event()

    def grant(self) -> dict[str, Any]:
        numbers = range(1, self.part_count + 1)
        headers = {"Content-Length": str(self.part_size)}
        parts = [
            {"number": one, "request": {"method": "PUT", "url": self.url, "headers": headers}}
            for one in numbers
        ]
        sizes = {"part_size": self.part_size, "part_count": self.part_count}
        return {"id": "upl_a", "method": "multipart", "parts": parts, **sizes}

    def put(self) -> dict[str, Any]:
        """Its first part alone, as room for a file of its own."""
        return {"id": "upl_a", "method": "put", "request": self.grant()["parts"][0]["request"]}


@contextmanager
def silent_store(part_size: int, part_count: int) -> Iterator[SilentStore]:
    store = SilentStore(part_size, part_count)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            items = [{"upload": store.put()} for _ in asked.get("uploads", ())]
            told = {"items": items} if items else store.grant()
            self._answer(201, json.dumps(told).encode())

        def do_PUT(self) -> None:
            store.read.append(len(self.rfile.read(int(self.headers["Content-Length"]))))
            store.over.wait()
            self.close_connection = True

        def do_DELETE(self) -> None:
            store.aborted.append(self.path)
            self._answer(204, b"")

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    store.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield store
    finally:
        store.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
