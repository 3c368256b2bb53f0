"""Kills: what was answered with 2xx settles, whatever is killed in the middle of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support import grants, samples
from tests.support.invariants import invariants
from tests.support.newcomers import newcomer
from tests.support.people import UNSETTLED, Person
from tests.support.stack import Stack
from tests.support.waiting import eventually
from uploads.documents.packs import SHARED
from uploads.storage.protocol import Bucket

# More than two workers have in their hands at a time.
FILES = 6
SECONDS = 180
AT_ONCE = 12


@pytest.fixture(scope="module")
def photo() -> bytes:
    return samples.photo_with_gps(0.5)


def test_all_twelve_settle_over_a_stop_and_a_kill(stack: Stack, photo: bytes) -> None:
    """SIGTERM amid six inspections and SIGKILL of everything amid six more lose nothing."""
    kate = newcomer(stack, "kate")
    keepsake = kate.upload("keepsake.png", samples.png())
    _has_thumbnails(kate, keepsake)
    put, unsent = grants.asked(kate), grants.asked(kate)
    assert grants.sent(kate, put).status_code == 200
    with kate.browser() as browser:
        first = _send_six(kate, photo)
        stack.stop()
        stack.start()
        second = _send_six(kate, photo)
        together = _send_together(kate)
        stack.kill_everything()
        stack.start()
        for document_id, text in together.items():
            assert kate.settle(document_id, SECONDS)["state"] == "clean"
            assert kate.content(document_id) == text
        for document_id in first + second:
            assert kate.settle(document_id, SECONDS)["state"] == "clean"
        for document_id in [keepsake, *first, *second]:
            _has_thumbnails(kate, document_id)
        # So do grants, with what was put and what was not: an address of the store is had anew.
        renewed = kate.api.get(f"/uploads/{unsent['id']}").json()
        assert grants.sent(kate, renewed).status_code == 200
        for grant in (put, unsent):
            document = grants.completed(kate, grant)
            assert kate.settle(document["id"], SECONDS)["state"] == "clean"
        # The session of before is still there.
        assert browser.get("/documents").status_code == 200
    with kate.browser() as again:
        assert again.get("/documents").status_code == 200
    assert kate.content(keepsake) == samples.png()
    invariants(stack, kate)


def _send_six(person: Person, photo: bytes) -> list[str]:
    """Six uploads; returns when the first of them is no longer waiting, and not all are done."""
    ids = [person.upload(f"photo-{number}.jpg", photo) for number in range(FILES)]

    def amid() -> bool:
        states = {person.document(document_id)["state"] for document_id in ids}
        if not states & UNSETTLED:
            # We were kept from looking for so long that nothing is left to be in the middle of.
            ids.append(person.upload(f"photo-{len(ids)}.jpg", photo))
        return bool(states & UNSETTLED and states - {"quarantined"})

    eventually(amid, SECONDS)
    return ids


def _send_together(person: Person) -> dict[str, bytes]:
    """Small files at the same moment, until some of them share an object of the store."""
    sent: dict[str, bytes] = {}
    storage = person.stack.services().storage

    def some_share() -> bool:
        texts = [b"%d a note of its own\n" % number * (number + 1) for number in range(AT_ONCE)]
        with ThreadPoolExecutor(AT_ONCE) as threads:
            ids = list(threads.map(lambda text: person.upload("note.txt", text), texts))
        sent.update(zip(ids, texts, strict=True))
        return next(storage.list(Bucket.INCOMING, SHARED), None) is not None

    eventually(some_share, SECONDS)
    return sent


def _has_thumbnails(person: Person, document_id: str) -> None:
    eventually(lambda: len(person.document(document_id)["renditions"]) == 2, SECONDS)
