"""Limits that nobody walks around: rows 25, 65 and 66 of the hostile inputs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import pytest

from tests.hostile.doors import Refused
from tests.support import samples
from tests.support.invariants import Promises, Use
from tests.support.newcomers import newcomer, set_quota
from tests.support.people import Person
from tests.support.raw import FORM_TYPE, form
from tests.support.stack import Stack

# Sizes and rates are judged before any database, and quotas are by `contract/test_records_usage`.
pytestmark = pytest.mark.one_database

MIB = 1024 * 1024
LIMIT = 100 * MIB
TEXT = b"a plain text, long enough to be one\n"
PROCESSES, MOST, SECONDS = 4, 6, 2
CLIENTS = 6
FILES, ROUNDS = 3, 100
FILE = b'form-data; name="file"; filename="a.mp4"'


def film(size: int) -> Iterator[bytes]:
    head = samples.iso_media(b"isom")[:80]
    yield head
    for start in range(len(head), size, MIB):
        yield bytes(min(MIB, size - start))


def with_length(person: Person, size: int) -> httpx.Response:
    headers = {"Content-Length": str(size)}
    params = {"name": "a.mp4"}
    return person.api.post("/documents", params=params, content=film(size), headers=headers)


def in_chunks(person: Person, size: int) -> httpx.Response:
    return person.api.post("/documents", params={"name": "a.mp4"}, content=film(size))


def in_a_form(person: Person, size: int) -> httpx.Response:
    begin, end = form((FILE, b"\0here\0")).split(b"\0here\0")

    def body() -> Iterator[bytes]:
        yield begin
        yield from film(size)
        yield end

    headers = {"Content-Type": FORM_TYPE, "Content-Length": str(len(begin) + size + len(end))}
    return person.api.post("/documents", content=body(), headers=headers)


@pytest.mark.parametrize("send", [with_length, in_chunks, in_a_form])
def test_the_largest_file_is_taken_and_one_byte_more_is_not(
    alice: Person, promises: Promises, send: Callable[[Person, int], httpx.Response]
) -> None:
    """Row 25: counted on the bytes that come, whatever was said of them."""
    largest, larger = send(alice, LIMIT), send(alice, LIMIT + 1)
    assert (largest.status_code, largest.json()["size"]) == (202, LIMIT)
    alice.discard(largest.json()["id"])
    refused = Refused(larger.status_code, larger.json()["code"])
    assert (refused, larger.json()["limit"]) == (Refused(413, "file-too-large"), LIMIT)
    promises.hold()


@pytest.fixture(scope="module")
def four(make_stack: Callable[..., Stack]) -> Iterator[Stack]:
    """A service of four web processes with so many uploads in so many seconds."""
    made = make_stack(
        UPLOADS_WEB_PROCESSES=str(PROCESSES), UPLOADS_RATE_UPLOAD=f"{MOST}/{SECONDS} seconds"
    )
    yield made
    made.close()


@dataclass(frozen=True)
class Try:
    """One upload: when it was begun and when it was answered, by this process's clock."""

    begun: float
    answered: float
    answer: httpx.Response


def flood(person: Person, seconds: float) -> list[Try]:
    """As many uploads as several clients come to in this time, in the order they were begun."""
    end = time.monotonic() + seconds

    def send(_: int) -> list[Try]:
        tries = []
        while (begun := time.monotonic()) < end:
            # On a connection of its own: a kept one stays with one process.
            answer = person.post("a.txt", TEXT, headers={"Connection": "close"})
            tries.append(Try(begun, time.monotonic(), answer))
        return tries

    with ThreadPoolExecutor(CLIENTS) as pool:
        found = [one for tries in pool.map(send, range(CLIENTS)) for one in tries]
    return sorted(found, key=lambda one: one.begun)


def test_no_stretch_of_time_has_more_uploads_than_are_allowed(four: Stack) -> None:
    """Row 65: all processes share one window, which has no edge to crowd at."""
    dora, eve = four.person("dora"), four.person("eve")
    flood(dora, SECONDS)
    four.rest()
    promises = Promises(four, dora, eve, Use.of(four))
    tries = flood(dora, 3 * SECONDS)
    taken = [one for one in tries if one.answer.status_code == 202]
    for begin in range(len(taken) - MOST):
        together = taken[begin : begin + MOST + 1]
        took = max(one.answered for one in together) - together[0].begun
        assert took > SECONDS * 0.95, [one.begun for one in together]
    refused = [one.answer for one in tries if one.answer.status_code != 202]
    assert {one.status_code for one in refused} == {429}
    assert {one.json()["code"] for one in refused} == {"rate-limited"}
    assert all(1 <= int(one.headers["Retry-After"]) <= SECONDS + 1 for one in refused)
    assert len(taken) > MOST, "what is old enough makes room"
    promises.hold()


def test_a_quota_is_exact_after_many_rounds(stack: Stack, bob: Person, at_rest: Use) -> None:
    """Row 66: filled to the brim, one more refused, one deleted, filled again."""
    carol = newcomer(stack, "carol")
    set_quota(carol, files_limit=FILES)
    promises = Promises(stack, carol, bob, at_rest)
    kept = [carol.upload("a.txt", TEXT) for _ in range(FILES)]
    for number in range(ROUNDS):
        refused = carol.post("a.txt", TEXT)
        assert (refused.status_code, refused.json()["code"]) == (403, "quota-exceeded")
        carol.discard(kept.pop(0))
        kept.append(carol.upload("a.txt", TEXT[number % 20 :]))
    sizes = [carol.document(one)["size"] for one in kept]
    used = carol.api.get("/me").json()["quota"]
    assert (used["files_used"], used["bytes_used"]) == (FILES, sum(sizes))
    assert stack.services().records.read(lambda work: work.usages.drifted()) == []
    promises.hold()
    promises.clear()
