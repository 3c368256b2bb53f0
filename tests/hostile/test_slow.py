"""Clients that hold on to a connection: they cost a thread for seconds, and nobody the service."""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

from tests.support import plain
from tests.support.raw import head
from tests.support.stack import Stack

# Nothing of this has to do with the database: once is enough.
pytestmark = pytest.mark.one_database

# More than all threads of both web processes.
CLIENTS = 80


@pytest.mark.parametrize("dripping", [False, True])
@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ("/csp-reports", "application/csp-report"),
        ("/sign-in", "application/x-www-form-urlencoded"),
    ],
)
def test_bodies_that_do_not_come_stop_nobody(
    stack: Stack, target: str, kind: str, dripping: bool
) -> None:
    """With more half-sent requests than threads, others are served all the same."""
    host = urlsplit(stack.base_url).netloc
    start = head("POST", target, {"Host": host, "Content-Type": kind, "Content-Length": "100"})
    over = threading.Event()
    with ExitStack() as sockets:
        held = [
            sockets.enter_context(socket.create_connection(("127.0.0.1", stack.port)))
            for _ in range(CLIENTS)
        ]
        for one in held:
            one.sendall(start)

        def drip() -> None:
            while not over.wait(0.5):
                for one in held:
                    try:
                        one.sendall(b"x")
                    except OSError:
                        continue

        dripper = threading.Thread(target=drip)
        if dripping:
            dripper.start()
        try:
            answer = plain.get(f"{stack.base_url}/sign-in")
        finally:
            over.set()
            if dripping:
                dripper.join()
    assert answer.status_code == 200
