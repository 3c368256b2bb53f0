"""A disk that fills up, for real: refused in time, nothing left, and well again by itself."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.support import plain, raw, samples
from tests.support.headers import assert_secure
from tests.support.invariants import invariants
from tests.support.people import Person
from tests.support.processes import worker_standing_still
from tests.support.small_disk import small_disk
from tests.support.stack import Stack
from tests.support.waiting import eventually
from uploads import disk

# Of the databases SQLite alone has its place on the disk that fills up.
pytestmark = pytest.mark.one_database

MIB = 1024 * 1024
DISK, RESERVE = 288, 64  # MiB; the embedded stack does not start with less than 200 free
SECONDS = 180


@pytest.fixture(scope="module")
def cramped(clamd: str, database_settings: Callable[[], dict[str, str]]) -> Iterator[Stack]:
    """A stack whose data folder is a small disk."""
    made = Stack(
        {
            "UPLOADS_CLAMD": clamd,
            "UPLOADS_DISK_RESERVE_BYTES": str(RESERVE * MIB),
            **database_settings(),
        }
    )
    made.data.mkdir(mode=0o700)
    with ExitStack() as parts:
        # Last of all: a folder cannot be removed while a disk is mounted on it.
        parts.callback(shutil.rmtree, made.root, ignore_errors=True)
        parts.enter_context(small_disk(made.data, DISK))
        parts.callback(made.close)
        made.start()
        yield made


@pytest.fixture(scope="module")
def fred(cramped: Stack) -> Person:
    return cramped.person("fred")


def disk_is(stack: Stack, status: str) -> bool:
    answer = plain.get(f"{stack.base_url}/readyz")
    return bool(answer.json()["parts"]["disk"]["status"] == status)


def wait_for_disk(stack: Stack, status: str) -> None:
    """Each process looks by itself, once a second: by then whoever is asked looks anew."""
    by_then = time.monotonic() + disk._LOOK_SECONDS
    eventually(lambda: time.monotonic() > by_then and disk_is(stack, status), SECONDS)


def fill(stack: Stack, leave: int) -> None:
    """Something else takes the room, down to so many MiB."""
    found = os.statvfs(stack.data)
    free = found.f_bavail * found.f_frsize
    with (stack.data / "ballast").open("wb") as ballast:
        os.posix_fallocate(ballast.fileno(), 0, free - leave * MIB)


def test_without_room_uploads_are_refused_and_nothing_is_left(cramped: Stack, fred: Person) -> None:
    """507 before the body is read; what is there can be fetched; then it goes on by itself."""
    kept = fred.upload("kept.txt", samples.txt())
    assert fred.settle(kept, SECONDS)["state"] == "clean"
    fill(cramped, RESERVE - 8)
    wait_for_disk(cramped, "unavailable")
    # A document is settled before its job has put everything away.
    cramped.rest()
    before = cramped.snapshot()
    refused = fred.post("more.png", samples.png())
    assert (refused.status_code, refused.json()["code"]) == (507, "storage-full")
    assert_secure(refused)
    head = raw.head(
        "POST",
        "/api/v1/documents?name=a.txt",
        {
            "Host": f"127.0.0.1:{cramped.port}",
            "Authorization": f"Bearer {fred.key}",
            "Content-Type": "text/plain",
            "Content-Length": str(MIB),
        },
    )
    assert raw.exchange(cramped.port, [head]).status == 507
    assert fred.content(kept) == samples.txt()
    assert cramped.snapshot() == before
    (cramped.data / "ballast").unlink()
    wait_for_disk(cramped, "ok")
    assert fred.settle(fred.upload("after.png", samples.png()), SECONDS)["state"] == "clean"
    invariants(cramped, fred)


def test_a_disk_that_fills_under_an_upload_ends_it(cramped: Stack, fred: Person) -> None:
    """The segments that were stored are gone again, and so is their room in the quota."""
    used = fred.api.get("/me").json()["quota"]

    def pieces() -> Iterator[bytes]:
        for number in range(1500):
            if number == 200:
                fill(cramped, RESERVE - 8)
            if number >= 200:
                # No faster than the service answers: each of its processes looks by itself, and
                # only once a second.
                disk_is(cramped, "unavailable")
            yield b"a" * (64 * 1024)

    answer = fred.api.post(
        "/documents?name=long.txt", content=pieces(), headers={"Content-Type": "text/plain"}
    )
    (cramped.data / "ballast").unlink()
    assert (answer.status_code, answer.json()["code"]) == (507, "storage-full")
    assert fred.api.get("/me").json()["quota"] == used
    wait_for_disk(cramped, "ok")
    invariants(cramped, fred)


def test_an_inspection_waits_for_room(cramped: Stack, fred: Person) -> None:
    """What was accepted before the disk was full settles when there is room again."""
    said = cramped.log.stat().st_size
    with worker_standing_still(cramped):
        waiting = fred.upload("waiting.png", samples.png())
        fill(cramped, RESERVE - 8)
    eventually(lambda: b"less than the reserve" in cramped.log.read_bytes()[said:], SECONDS)
    assert fred.document(waiting)["state"] in {"quarantined", "scanning"}
    (cramped.data / "ballast").unlink()
    assert fred.settle(waiting, SECONDS)["state"] == "clean"
    invariants(cramped, fred)
