"""Between the client and the network: keeps what was asked, and breaks things where told to."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from urllib.parse import urlsplit

import httpx

Meddle = Callable[["Meddling", httpx.Request], httpx.Response | None]


class Meddling(httpx.BaseTransport):
    """A real transport behind a record of all requests.

    `meddle` sees each request first, may change or answer it, or raise in its place.
    """

    def __init__(self, meddle: Meddle = lambda self, request: None) -> None:
        self.real = httpx.HTTPTransport(verify=False)
        self.meddle = meddle
        self.seen: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        return self.meddle(self, request) or self.real.handle_request(request)

    def close(self) -> None:
        self.real.close()

    def to_store(self, base_url: str) -> list[httpx.Request]:
        """Requests that went to any other host than the service's own."""
        own = urlsplit(base_url).netloc
        return [one for one in self.seen if one.url.netloc.decode() != own]


def first(condition: Callable[[httpx.Request], bool], act: Meddle) -> Meddle:
    """Do this with the first request of which that is true, and with no other."""
    lock, done = threading.Lock(), False

    def meddle(transport: Meddling, request: httpx.Request) -> httpx.Response | None:
        nonlocal done
        with lock:
            mine = not done and condition(request)
            done = done or mine
        return act(transport, request) if mine else None

    return meddle


def unanswered(transport: Meddling, request: httpx.Request) -> None:
    """Do all of it, and lose the answer."""
    answer = transport.real.handle_request(request)
    answer.read()
    answer.close()
    raise httpx.ReadError("the connection broke before the answer")


def posts(ending: str) -> Callable[[httpx.Request], bool]:
    return lambda request: request.method == "POST" and request.url.path.endswith(ending)


def puts(request: httpx.Request) -> bool:
    return request.method == "PUT"


@contextmanager
def breaking(url: str, after: int) -> Iterator[tuple[Meddle, list[int]]]:
    """A proxy before the host of `url` that resets its first connection after so many bytes.

    Yields what leads a transport's requests there, and how many bytes each connection brought.
    """
    host, port = urlsplit(url).hostname or "", urlsplit(url).port
    brought: list[int] = []

    def serve(near: socket.socket, place: int) -> None:
        with closing(near), closing(socket.create_connection((host, port or 80))) as far:
            back = threading.Thread(target=_pump, args=(far, near), daemon=True)
            back.start()
            with suppress(OSError):
                while piece := _received(near):
                    brought[place] += len(piece)
                    if place == 0 and brought[0] > after:
                        _reset(near, far)
                        return
                    far.sendall(piece)
                far.shutdown(socket.SHUT_WR)
            back.join()

    with socket.create_server(("127.0.0.1", 0)) as server:
        # What it has not read is mostly with the client still, whatever the kernel's bounds are.
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        own, stop = server.getsockname()[1], threading.Event()
        accepting = threading.Thread(
            target=_accept, args=(server, serve, brought, stop), daemon=True
        )
        accepting.start()

        def through(transport: Meddling, request: httpx.Request) -> None:
            if request.url.host == host and request.url.port == port:
                request.url = request.url.copy_with(port=own)

        yield through, brought
        stop.set()
        socket.create_connection(server.getsockname()).close()
        accepting.join()


def _reset(near: socket.socket, far: socket.socket) -> None:
    """End both as a connection ends that broke."""
    near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    far.shutdown(socket.SHUT_RDWR)


def _accept(
    server: socket.socket,
    serve: Callable[[socket.socket, int], None],
    brought: list[int],
    stop: threading.Event,
) -> None:
    while True:
        near, _ = server.accept()
        if stop.is_set():
            near.close()
            return
        brought.append(0)
        threading.Thread(target=serve, args=(near, len(brought) - 1), daemon=True).start()


def _pump(source: socket.socket, target: socket.socket) -> None:
    """Hand all on until the end, which is handed on as well."""
    # Whichever side is gone before it has got everything does not want the rest.
    with suppress(OSError):
        while piece := _received(source):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)


def _received(source: socket.socket) -> bytes:
    try:
        return source.recv(65536)
    except OSError:
        return b""
