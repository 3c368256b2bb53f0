"""How many passwords are checked at once, and what becomes of those who wait."""

from __future__ import annotations

import os
import threading
from typing import Any

import pytest
from argon2 import PasswordHasher

from uploads.documents.errors import PasswordsBusy
from uploads.security.passwords import Passwords

CHEAP: dict[str, Any] = {"time_cost": 1, "memory_cost": 8, "parallelism": 1}


class Slow(PasswordHasher):
    """Does not get done before it is told to."""

    def __init__(self) -> None:
        super().__init__(**CHEAP)
        self.begun, self.go_on = threading.Event(), threading.Event()

    def hash(self, password: str | bytes, **more: Any) -> str:
        self.begun.set()
        self.go_on.wait()
        return super().hash(password, **more)


class Telling(PasswordHasher):
    """Tells how far the thread gives way that it is called on."""

    niceness = -1

    def hash(self, password: str | bytes, **more: Any) -> str:
        self.niceness = os.getpriority(os.PRIO_PROCESS, 0)
        return super().hash(password, **more)


def test_the_service_goes_before_passwords() -> None:
    """Strangers may have any number of them checked: the processors are others' first."""
    own, hasher = os.getpriority(os.PRIO_PROCESS, 0), Telling(**CHEAP)
    assert Passwords(hasher).verify(Passwords(hasher).hash("right"), "right")
    assert hasher.niceness == min(19, own + 10)
    assert os.getpriority(os.PRIO_PROCESS, 0) == own


def test_nobody_waits_for_a_turn_without_end() -> None:
    """A crowd that gives passwords cannot gather: who has waited long is refused, unheard."""
    hasher = Slow()
    passwords = Passwords(hasher, at_once=1, patience=0.01)
    made: list[str] = []
    maker = threading.Thread(target=lambda: made.append(passwords.hash("the first")))
    maker.start()
    assert hasher.begun.wait(60)
    with pytest.raises(PasswordsBusy) as refused:
        passwords.verify(None, "the second")
    assert (refused.value.code, refused.value.members) == ("unavailable", {"part": "passwords"})
    with pytest.raises(PasswordsBusy):
        passwords.hash("the third")
    hasher.go_on.set()
    maker.join()
    assert passwords.verify(made[0], "the first")
