"""Processes that die at a step of their work, again and again: nothing is lost, all is done."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.support import samples
from tests.support.invariants import invariants
from tests.support.newcomers import newcomer
from tests.support.people import PATIENCE, Person
from tests.support.stack import Stack
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def faulty(strict: Stack) -> Iterator[Stack]:
    """A stack of one web process; it is closed at the end, for it bears its last faults."""
    yield strict
    strict.close()


@pytest.mark.parametrize(
    ("web_step", "worker_step"), [("s3", "s9"), ("s4", "s13"), ("s5", "s15"), ("s6", "s17")]
)
def test_processes_killed_at_any_step_only_delay(
    faulty: Stack, web_step: str, worker_step: str
) -> None:
    """Web processes and workers killed again and again at a step of their work lose nothing."""
    # How fast an upload must be is no question here.
    faults = f"{web_step}:kill@3,{worker_step}:kill@3"
    faulty.restart(UPLOADS_FAULT=faults, UPLOADS_BODY_RATE_SECONDS="600")
    carol = newcomer(faulty, "carol")
    answered = [_try(carol, f"{web_step}-{number}.png") for number in range(5)]
    # The third upload of each web process died with it.
    assert answered.count(None) == 1
    for document_id in filter(None, answered):
        assert carol.settle(document_id)["state"] == "clean"
        _has_thumbnails(carol, document_id)
    invariants(faulty, carol)


def _try(person: Person, name: str) -> str | None:
    """The id of an accepted upload, or None where the answer never came."""
    try:
        return person.upload(name, samples.png())
    except httpx.TransportError:
        return None


def _has_thumbnails(person: Person, document_id: str) -> None:
    eventually(lambda: len(person.document(document_id)["renditions"]) == 2, PATIENCE)
