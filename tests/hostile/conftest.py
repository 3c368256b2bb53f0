"""Every attack ends with the five promises, whatever became of it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.support import samples
from tests.support.invariants import Promises, Use
from tests.support.people import Person
from tests.support.stack import Stack


@pytest.fixture(scope="session")
def at_rest(stack: Stack, alice: Person, bob: Person) -> Use:
    """What the stack takes once everything that it needs is loaded and nothing is under way."""
    for person in (alice, bob):
        for ending in ("png", "pdf", "docx", "txt"):
            person.settle(person.upload(f"warm.{ending}", samples.SAMPLES[ending]()))
    stack.rest()
    return Use.of(stack)


@pytest.fixture
def promises(stack: Stack, alice: Person, bob: Person, at_rest: Use) -> Promises:
    """To be held at the end of a test with what may not be in the log."""
    return Promises(stack, alice, bob, at_rest)


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
