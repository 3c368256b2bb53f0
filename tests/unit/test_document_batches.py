"""Files of one form that wait for its end."""

from __future__ import annotations

from typing import Any

import pytest

from uploads.api.document_batches import Files
from uploads.documents.errors import StillRunning, UploadsError
from uploads.documents.model import Actor, Role, Scope


class One:
    """A file that was received; its key is lost with the second piece of another."""

    sha256 = ""

    def __init__(self) -> None:
        self.alive = 0
        self.given_up = 0

    def commit(self) -> dict[str, Any]:
        raise AssertionError("it is only waited with")

    def give_up(self, error: BaseException) -> None:
        del error
        self.given_up += 1

    def say_alive(self) -> None:
        self.alive += 1
        if self.alive > 2:
            raise StillRunning


@pytest.fixture
def files() -> Files:
    return Files(Actor("ann", "ann@example.org", Role.USER, frozenset(Scope)), "a key")


def test_who_waits_says_so_with_each_piece_of_those_behind(files: Files) -> None:
    """Else its key would pass for a dead one's before the form has come; lost, it ends them all."""
    one = One()
    files.found += [UploadsError(), one]
    pieces = files.saying_so(iter([b"a", b"b", b"c"]))
    assert [next(pieces), next(pieces), one.alive] == [b"a", b"b", 2]
    with pytest.raises(StillRunning):
        next(pieces)


def test_each_is_given_up_once(files: Files) -> None:
    one = One()
    files.found += [one, UploadsError()]
    files.give_up(StillRunning())
    files.give_up(StillRunning())
    assert one.given_up == 1
