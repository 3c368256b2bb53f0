"""Every attack ends with the five promises, whatever became of it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from tests.support import plain, samples
from tests.support.cells import templates
from tests.support.films import film
from tests.support.invariants import Promises, Use
from tests.support.people import PATIENCE, Person
from tests.support.stack import Stack
from tests.support.waiting import eventually

_AT_ONCE = 16
MIB = 1024 * 1024
_WORKERS, _TEMPLATES = 2, 3  # processes, and templates of each


@pytest.fixture(scope="session")
def at_rest(stack: Stack, alice: Person, bob: Person) -> Use:
    """What the stack takes once everything that it needs is loaded and nothing is under way.

    Its pools have the connections that many at a time need: attacks come many at a time.
    """
    for person in (alice, bob):
        for ending in ("png", "pdf", "docx", "txt"):
            person.settle(person.upload(f"warm.{ending}", samples.SAMPLES[ending]()))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for _ in pool.map(lambda number: _warm(stack, alice, number), range(6 * _AT_ONCE)):
            pass
        # Both processes of the worker have had the largest replies that pictures are.
        for _ in pool.map(lambda _: alice.upload("warm.pdf", samples.pdf(10)), range(12)):
            pass
        # The web's processes have had as much of files in memory as they may.
        large = film(24 * MIB)
        for _ in pool.map(lambda _: alice.upload("warm.mp4", large), range(8)):
            pass
    eventually(lambda: _has_all_templates(stack, alice), PATIENCE)
    stack.rest()
    # They have done their work, and the end of each attack would read all of their bytes again.
    for person in (alice, bob):
        person.discard(*(one["id"] for one in person.documents() if _warms(one)))
    return Use.of(stack)


def _warms(document: dict[str, object]) -> bool:
    return str(document["name"]).startswith("warm")


def _has_all_templates(stack: Stack, person: Person) -> bool:
    """Whether each process of the worker has had a film or a sound; one more goes in if not."""
    workers = [len(templates(one.pid)) for one in stack.named("workers.app")]
    if workers.count(_TEMPLATES) == _WORKERS:
        return True
    person.settle(person.upload("warm.wav", samples.SAMPLES["wav"]()))
    return False


def _warm(stack: Stack, person: Person, number: int) -> None:
    """One of many at a time. The API's description is made once by each process that is asked."""
    assert plain.get(f"{stack.base_url}/api/v1/openapi.json").status_code == 200
    words = b"%d\n" % number
    sent = plain.request(
        "POST",
        f"{stack.base_url}/api/v1/documents?name=warm-{number}.txt",
        headers={"Authorization": f"Bearer {person.key}", "Content-Type": "text/plain"},
        content=words,
    )
    assert sent.status_code == 202, sent.text


@pytest.fixture
def promises(stack: Stack, alice: Person, bob: Person, at_rest: Use) -> Iterator[Promises]:
    """To be held at the end of a test with what may not be in the log."""
    made = Promises(stack, alice, bob, at_rest)
    yield made
    made.clear()


@dataclass
class Canary:
    """A listener that nobody has a reason to call."""

    port: int
    calls: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/canary"


@pytest.fixture(scope="session")
def listener() -> Iterator[Canary]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        canary = Canary(server.getsockname()[1])

        def listen() -> None:
            while True:
                try:
                    caller, _ = server.accept()
                except OSError:
                    return
                with caller:
                    caller.settimeout(5)
                    try:
                        canary.calls.append(caller.recv(1000))
                    except OSError as error:
                        canary.calls.append(str(error).encode())

        threading.Thread(target=listen, daemon=True).start()
        yield canary
        server.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def canary(listener: Canary) -> Iterator[Canary]:
    """Fails the test when anything in a hostile file made the service call out."""
    yield listener
    assert not listener.calls
