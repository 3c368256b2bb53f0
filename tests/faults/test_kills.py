"""Kills: what was answered with 2xx settles, whatever is killed in the middle of it."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from tests.support import samples
from tests.support.invariants import invariants
from tests.support.people import UNSETTLED, Person
from tests.support.stack import Stack
from tests.support.waiting import eventually

FILES = 10
SECONDS = 90


@pytest.fixture(scope="module")
def photo() -> bytes:
    return samples.photo_with_gps(1.5)


def test_all_twenty_settle_over_a_stop_and_a_kill(
    stack: Stack, alice: Person, photo: bytes
) -> None:
    """SIGTERM amid ten inspections and SIGKILL of everything amid ten more lose nothing."""
    keepsake = alice.upload("keepsake.png", samples.png())
    _has_thumbnails(alice, keepsake)
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
        # The session of before is still there.
        assert browser.get("/documents").status_code == 200
    with alice.browser() as again:
        assert again.get("/documents").status_code == 200
    assert alice.content(keepsake) == samples.png()
    invariants(stack, alice)


def test_nothing_of_a_killed_stack_lives_on(stack: Stack) -> None:
    """When the supervisor alone is killed, every other process ends by itself."""
    processes = stack.processes()
    processes[0].kill()
    eventually(lambda: not any(process.is_running() for process in processes[1:]), 60)
    stack.kill_everything()
    stack.start()


@pytest.fixture(scope="module")
def faulty(make_stack: Callable[..., Stack]) -> Stack:
    """A stack of its own, so that its faults trouble nobody else."""
    made = make_stack(UPLOADS_STARTS_MAX="20", UPLOADS_WEB_PROCESSES="1")
    made.person("carol")
    return made


@pytest.mark.parametrize(
    ("web_step", "worker_step"), [("s3", "s9"), ("s4", "s13"), ("s5", "s15"), ("s6", "s17")]
)
def test_processes_killed_at_any_step_only_delay(
    faulty: Stack, web_step: str, worker_step: str
) -> None:
    """Web processes and workers killed again and again at a step of their work lose nothing."""
    faulty.restart(UPLOADS_FAULT=f"{web_step}:kill@3,{worker_step}:kill@3")
    carol = faulty.people[0]
    answered = [_try(carol, f"{web_step}-{number}.png") for number in range(5)]
    # The third upload of each web process died with it.
    assert answered.count(None) == 1
    for document_id in filter(None, answered):
        assert carol.settle(document_id, SECONDS)["state"] == "clean"
        _has_thumbnails(carol, document_id)
    invariants(faulty, carol)


def _try(person: Person, name: str) -> str | None:
    """The id of an accepted upload, or None where the answer never came."""
    try:
        return person.upload(name, samples.png())
    except httpx.TransportError:
        return None


def _send_ten(person: Person, photo: bytes) -> list[str]:
    """Ten uploads; returns when the first of them is no longer waiting, and not all are done."""
    ids = [person.upload(f"photo-{number}.jpg", photo) for number in range(FILES)]

    def begun() -> bool:
        states = [person.document(document_id)["state"] for document_id in ids]
        return any(state != "quarantined" for state in states)

    eventually(begun, SECONDS)
    assert any(person.document(document_id)["state"] in UNSETTLED for document_id in ids)
    return ids


def _has_thumbnails(person: Person, document_id: str) -> None:
    eventually(lambda: len(person.document(document_id)["renditions"]) == 2, SECONDS)
