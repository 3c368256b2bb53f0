"""Processes that die at a step of their work, again and again: nothing is lost, all is done."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.support import plain, samples
from tests.support.administrators import administrator, in_state, release
from tests.support.answered import abandon
from tests.support.faults import Faults
from tests.support.invariants import invariants
from tests.support.newcomers import newcomer
from tests.support.people import PATIENCE, Person
from tests.support.stack import Stack
from tests.support.waiting import eventually

# What ends before a commit has left nothing in a database; and of a worker that died there is its
# lease, at whatever step that was. So steps before a commit are tried on one database alone.
once = pytest.mark.one_database


@pytest.mark.parametrize(
    ("web_step", "worker_step"),
    [
        pytest.param("s3", "s9", marks=once),
        pytest.param("s4", "s13", marks=once),
        ("s5", "s15"),
        ("s6", "s17"),
    ],
)
def test_processes_killed_at_any_step_only_delay(
    stack: Stack, faults: Faults, web_step: str, worker_step: str
) -> None:
    """Web processes and workers killed again and again at a step of their work lose nothing.

    And a file that is sent again under its key, until somebody answers, is one document.
    """
    stack.rest()
    said = stack.log.stat().st_size
    carol, dora = newcomer(stack, "carol"), newcomer(stack, "dora")
    faults.kill(worker_step, times=3)
    answered = [_try(carol, f"{web_step}-{number}.png") for number in range(2)]
    faults.kill(web_step)
    answered += [_try(carol, f"{web_step}-{number}.png") for number in range(2, 5)]
    assert [one is None for one in answered] == [False, False, True, False, False]
    for document_id in filter(None, answered):
        assert carol.settle(document_id)["state"] == "clean"
        _has_thumbnails(carol, document_id)
    faults.kill(web_step)
    kept = [_until_answered(dora, f"{web_step}-{number}.txt") for number in range(2)]
    assert kept[0][1] > 1
    assert sorted(one["id"] for one in dora.documents()) == sorted(one for one, _ in kept)
    dora.discard(*(one for one, _ in kept))
    assert faults.to_come() == []
    eventually(lambda: _deaths(stack, said) >= 3, PATIENCE)
    invariants(stack, carol, dora)


def _deaths(stack: Stack, since: int) -> int:
    """How many of the worker's processes were said to have died, in lines like all others."""
    told = stack.log.read_bytes()[since:]
    # The last one may just be written.
    lines = told[: told.rfind(b"\n") + 1].splitlines()
    return len([json.loads(line) for line in lines if b"ForkPoolWorker" in line])


def _try(person: Person, name: str) -> str | None:
    """The id of an accepted upload, or None where the answer never came."""
    try:
        return person.upload(name, samples.png())
    except httpx.TransportError:
        return None


def _until_answered(person: Person, name: str) -> tuple[str, int]:
    """Send a file under its key until there is an answer: its document, and after how many times.

    Whoever died without an answer is not waited for: its row is made to look old.
    """
    headers, tries = {"Idempotency-Key": name}, 0

    def answered() -> str | None:
        nonlocal tries
        tries += 1
        try:
            answer = person.post(name, b"a plain text\n", headers=headers)
        except httpx.TransportError:
            abandon(person.stack)
            return None
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    return eventually(answered, PATIENCE) or "", tries


def _has_thumbnails(person: Person, document_id: str) -> None:
    eventually(lambda: len(person.document(document_id)["renditions"]) == 2, PATIENCE)


@once
def test_a_release_that_dies_or_loses_its_store_is_only_delayed(
    stack: Stack, faults: Faults
) -> None:
    """A worker killed between copy and commit, and the store killed beneath all of them."""
    stack.rest()
    vera, theo = administrator(stack, "vera"), administrator(stack, "theo")
    owner = newcomer(stack, "owner")
    documents = [owner.settle(owner.upload(f"{n}.txt", samples.eicar())) for n in range(3)]
    for one in documents:
        assert release(vera, one).status_code == 202
    faults.kill("r1", times=2)
    for one in documents:
        assert release(theo, one).status_code == 202
    for process in stack.named("rclone"):
        process.kill()
    for one in documents:
        in_state(owner, one, "released")
    eventually(lambda: _part(stack, "storage") == "ok", PATIENCE)
    assert faults.to_come() == []
    assert {owner.content(one["id"]) for one in documents} == {samples.eicar()}
    invariants(stack, owner)


def _part(stack: Stack, name: str) -> str:
    return str(plain.get(f"{stack.base_url}/readyz").json()["parts"][name]["status"])
