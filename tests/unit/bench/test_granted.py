"""An upload by signed URL in the benchmark: three requests to two servers, counted as one."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from bench.load import clients
from bench.load.granted import Api
from bench.load.plan import Plan
from bench.load.upload import BLOCK_BYTES

SIZE = 300_000
COUNT = 7


class Server(ThreadingHTTPServer):
    """Notes each request; `answers` is the status and body of each method and path's end."""

    def __init__(self, answers: dict[str, tuple[int, bytes]], *, patient: bool = True) -> None:
        self.seen: list[tuple[str, int, str]] = []
        self.connections = 0
        self.answers = answers
        self.patient = patient
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        word = f"{self.command} {self.path.rpartition('/')[2]}"
        self.server.seen.append((word, len(body), self.headers.get("Content-Type", "")))
        status, text = self.server.answers[word]
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
        self.close_connection = not self.server.patient

    do_PUT = do_POST = answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def running(server: Server) -> Iterator[Server]:
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def granting(store: Server) -> dict[str, tuple[int, bytes]]:
    headers = {"Content-Type": "video/mp4", "Content-Length": str(SIZE)}
    asked = {"url": f"http://127.0.0.1:{store.port}/incoming/key?sign=1", "headers": headers}
    grant = json.dumps({"id": "upl_1", "request": asked}).encode()
    return {"POST uploads": (201, grant), "POST complete": (202, b"{}")}


def sent(store: Server, service: Server) -> clients.Outcome:
    api = Api(service.port, "Authorization: Bearer key")
    return clients.run(Plan(service.port, 3), [api.upload(n, SIZE) for n in range(COUNT)])


def test_grant_put_and_completion_are_one_upload() -> None:
    """Over two connections a client, each used again; the bytes go where the grant says."""
    with (
        running(Server({"PUT key?sign=1": (200, b"")})) as store,
        running(Server(granting(store))) as service,
    ):
        outcome = sent(store, service)
    assert (outcome.succeeded, outcome.failures) == (COUNT, {})
    assert store.seen == [("PUT key?sign=1", SIZE, "video/mp4")] * COUNT
    assert sorted(word for word, _, _ in service.seen) == sorted(
        ["POST uploads", "POST complete"] * COUNT
    )
    assert max(store.connections, service.connections) <= 3


def test_a_store_that_closes_each_connection_costs_nothing_but_connections() -> None:
    with (
        running(Server({"PUT key?sign=1": (200, b"")}, patient=False)) as store,
        running(Server(granting(store))) as service,
    ):
        outcome = sent(store, service)
    assert (outcome.succeeded, outcome.failures) == (COUNT, {})


def test_a_refused_put_is_a_failure_and_completes_nothing() -> None:
    with (
        running(Server({"PUT key?sign=1": (403, b"no")})) as store,
        running(Server(granting(store))) as service,
    ):
        outcome = sent(store, service)
    assert (outcome.succeeded, outcome.failures) == (0, {"status 403": COUNT})
    assert "POST complete" not in {word for word, _, _ in service.seen}


def test_a_small_file_goes_as_the_library_sends_it_digest_and_key_of_its_own() -> None:
    size, keys = 2 * BLOCK_BYTES + 99, set()
    for number in range(2):
        upload = Api(1, "Authorization: Bearer key").streamed(number, size)
        sent, start = b"", 0
        while pieces := upload.buffers(start, upload.size):
            sent += b"".join(pieces)
            start = len(sent)
        head, _, body = sent.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        assert (len(body), fields["Repr-Digest"]) == (size, f"sha-256=:{digest}:")
        keys.add(fields["Idempotency-Key"])
    assert len(keys) == 2
