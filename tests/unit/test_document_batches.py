"""Files of one form that wait for its end."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from uploads.api.document_batches import Files
from uploads.bodies import Part
from uploads.documents.errors import RecordsUnavailable, StillRunning, UploadsError
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


_GIVEN_UP_TOGETHER = """
from gevent import monkey; monkey.patch_all()
import threading
from uploads.api.document_batches import Files
from uploads.bodies import Part
from uploads.documents.errors import SizeMismatch

all_here = threading.Barrier(50)

class Slow:
    sha256 = ""

    def give_up(self, error):
        all_here.wait(20)

files = Files(None, None)
files.found += [Slow() for _ in range(50)]
files.give_up(SizeMismatch())
files.found = [Slow() for _ in range(50)]
files._check_digests(["0" * 64] * 50)
assert {one.code for one in files.found} == {"digest-mismatch"}
"""


def test_none_waits_for_another_that_is_given_up() -> None:
    """Each waits for a database that is away: 50 times as long, one after the other."""
    subprocess.run([sys.executable, "-c", _GIVEN_UP_TOGETHER], check=True, timeout=60)


def test_a_form_is_not_read_on_without_the_database(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file would wait for it by itself."""

    def away(part: object) -> Any:
        raise RecordsUnavailable("away")

    monkeypatch.setattr(files, "_begun", away)
    with pytest.raises(RecordsUnavailable):
        files._received(Part("file", "a.txt", None, iter([])))
