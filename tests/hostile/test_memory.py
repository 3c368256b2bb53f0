"""Memory: what a file weighs is never what the web processes weigh."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support import samples
from tests.support.people import Person
from tests.support.stack import Stack

# What weighs are bodies: of a file of any size the database gets rows.
pytestmark = pytest.mark.one_database

MIB = 1024 * 1024
FILES = 5
FILE_MIB = 90
ALLOWED = 64 * MIB


def test_five_large_uploads_at_once_fit_in_64_mib(stack: Stack, alice: Person) -> None:
    """Five files of 90 MiB at once make all web processes together grow by less than 64 MiB."""
    alice.upload("warm.txt", b"so that everything is loaded")
    before = stack.web_rss()
    half_through = threading.Semaphore(0)
    together = threading.Event()
    highest = before

    def body() -> Iterator[bytes]:
        yield samples.iso_media(b"isom")
        for number in range(FILE_MIB):
            if number == FILE_MIB // 2:
                half_through.release()
                # Nobody is done before everybody is half through; nor given up for silence.
                while not together.wait(0.5):
                    yield bytes(4096)
            yield bytes(MIB)

    def send(_: int) -> str:
        answer = alice.api.post("/documents", params={"name": "film.mp4"}, content=body())
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    with ThreadPoolExecutor(FILES) as pool:
        sending = [pool.submit(send, number) for number in range(FILES)]
        arrived = 0
        while not all(one.done() for one in sending):
            highest = max(highest, stack.web_rss())
            arrived += half_through.acquire(timeout=0.01)
            if arrived == FILES or any(one.done() for one in sending):
                together.set()
        ids = [one.result() for one in sending]
    for document_id in ids:
        assert alice.api.delete(f"/documents/{document_id}").status_code == 204
    assert highest - before < ALLOWED, f"grew by {(highest - before) / MIB:.0f} MiB"
