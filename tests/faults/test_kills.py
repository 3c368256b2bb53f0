"""Kills: what was answered with 2xx settles, whatever is killed in the middle of it."""

from __future__ import annotations

import pytest

from tests.support import grants, samples
from tests.support.invariants import invariants
from tests.support.people import UNSETTLED, Person
from tests.support.stack import Stack
from tests.support.waiting import eventually

FILES = 10
SECONDS = 180


@pytest.fixture(scope="module")
def photo() -> bytes:
    return samples.photo_with_gps(1.5)


def test_all_twenty_settle_over_a_stop_and_a_kill(
    stack: Stack, alice: Person, photo: bytes
) -> None:
    """SIGTERM amid ten inspections and SIGKILL of everything amid ten more lose nothing."""
    keepsake = alice.upload("keepsake.png", samples.png())
    _has_thumbnails(alice, keepsake)
    put, unsent = grants.asked(alice), grants.asked(alice)
    assert grants.sent(alice, put).status_code == 200
    with alice.browser() as browser:
        first = _send_ten(alice, photo)
        stack.stop()
        stack.start()
        second = _send_ten(alice, photo)
        stack.kill_everything()
        stack.start()
        for document_id in first + second:
            assert alice.settle(document_id, SECONDS)["state"] == "clean"
        for document_id in [keepsake, *first, *second]:
            _has_thumbnails(alice, document_id)
        # So do grants, with what was put and what was not: an address of the store is had anew.
        renewed = alice.api.get(f"/uploads/{unsent['id']}").json()
        assert grants.sent(alice, renewed).status_code == 200
        for grant in (put, unsent):
            document = grants.completed(alice, grant)
            assert alice.settle(document["id"], SECONDS)["state"] == "clean"
        # The session of before is still there.
        assert browser.get("/documents").status_code == 200
    with alice.browser() as again:
        assert again.get("/documents").status_code == 200
    assert alice.content(keepsake) == samples.png()
    invariants(stack, alice)


# Who dies with whom is between the processes: it has nothing to do with the database.
@pytest.mark.one_database
def test_nothing_of_a_killed_stack_lives_on(stack: Stack) -> None:
    """When the supervisor alone is killed, every other process ends by itself."""
    processes = stack.processes()
    processes[0].kill()
    eventually(lambda: not any(process.is_running() for process in processes[1:]), 60)
    stack.kill_everything()
    stack.start()


def _send_ten(person: Person, photo: bytes) -> list[str]:
    """Ten uploads; returns when the first of them is no longer waiting, and not all are done."""
    ids = [person.upload(f"photo-{number}.jpg", photo) for number in range(FILES)]

    def amid() -> bool:
        states = {person.document(document_id)["state"] for document_id in ids}
        if not states & UNSETTLED:
            # We were kept from looking for so long that nothing is left to be in the middle of.
            ids.append(person.upload(f"photo-{len(ids)}.jpg", photo))
        return bool(states & UNSETTLED and states - {"quarantined"})

    eventually(amid, SECONDS)
    return ids


def _has_thumbnails(person: Person, document_id: str) -> None:
    eventually(lambda: len(person.document(document_id)["renditions"]) == 2, SECONDS)
