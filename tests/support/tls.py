"""TLS in front of a real server that speaks none: what stunnel does, on a thread.

The Redis in a wheel is built without TLS. Who connects sees a certificate, as from one that has it.
"""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from tests.support.compose import ROOT


def certificates(folder: Path, host: str = "localhost") -> dict[str, Path]:
    """Three certificates for one host, each signed by itself: `app`, `content` and `store`."""
    script = ROOT / "infra" / "compose" / "make-certificates"
    command = ["/bin/sh", script, folder, host, host, host]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return {name: folder / f"{name}.crt" for name in ("app", "content", "store")}


@contextmanager
def in_front_of(unix_socket: str, certificate: Path) -> Iterator[int]:
    """The port on loopback at which this certificate is shown and the socket is behind it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    with ExitStack() as ends:
        listener = ends.enter_context(socket.create_server(("127.0.0.1", 0)))
        threading.Thread(target=_serve, args=(listener, context, unix_socket)).start()
        ends.callback(listener.shutdown, socket.SHUT_RDWR)
        yield int(listener.getsockname()[1])


def _serve(listener: socket.socket, context: ssl.SSLContext, unix_socket: str) -> None:
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            client.settimeout(60)
            threading.Thread(target=_meet, args=(client, context, unix_socket), daemon=True).start()


def _meet(client: socket.socket, context: ssl.SSLContext, unix_socket: str) -> None:
    with (
        client,
        suppress(OSError),
        context.wrap_socket(client, server_side=True) as shown,
        socket.socket(socket.AF_UNIX) as server,
    ):
        server.connect(unix_socket)
        back = threading.Thread(target=_pump, args=(server, shown), daemon=True)
        back.start()
        _pump(shown, server)
        back.join(60)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
