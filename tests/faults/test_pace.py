"""An upload that comes too slowly: it is ended, and nothing of it stays."""

from __future__ import annotations

import socket
import threading

import pytest

from tests.support import raw, samples
from tests.support.newcomers import newcomer
from tests.support.people import PATIENCE
from tests.support.stack import Stack
from tests.support.waiting import eventually

# That a door takes back what it had begun is held on both databases by the refusals.
pytestmark = pytest.mark.one_database


def test_an_upload_that_trickles_is_refused_and_leaves_nothing(strict: Stack) -> None:
    """Below the smallest rate: the client hears it, as long as it is there to hear it."""
    henry = newcomer(strict, "henry")
    strict.rest()
    before = strict.snapshot()
    over = threading.Event()
    fields = {
        "Host": f"127.0.0.1:{strict.port}",
        "Authorization": f"Bearer {henry.key}",
        "Content-Type": "video/mp4",
        "Content-Length": "100000",
    }
    with socket.create_connection(("127.0.0.1", strict.port), PATIENCE) as client:
        head = raw.head("POST", "/api/v1/documents?name=film.mp4", fields)
        client.sendall(head + samples.iso_media(b"isom"))

        def trickle() -> None:
            while not over.wait(0.2):
                try:
                    client.sendall(b"x" * 100)
                except OSError:
                    return

        trickling = threading.Thread(target=trickle)
        trickling.start()
        try:
            answer = raw.answer(client)
        finally:
            over.set()
            trickling.join()
    assert (answer.status, answer.code) == (422, "size-mismatch")

    def nothing_new() -> bool:
        now = strict.snapshot()
        return all(now[kind] <= before[kind] for kind in before)

    eventually(nothing_new, PATIENCE)
