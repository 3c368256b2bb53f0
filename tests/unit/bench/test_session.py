"""A run of many steps: what goes wrong with one of them does not cost the others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from bench.__main__ import main
from bench.session import Session, Step
from bench.systems.system import Running
from bench.work.work import Work


class Idle:
    """A system that starts, or does not."""

    doors = ("raw",)
    settings = ""

    def __init__(self, name: str, error: Exception | None = None) -> None:
        self.name = name
        self._error = error

    @contextmanager
    def start(self, folder: Path) -> Iterator[Running]:
        (folder / "left").touch()
        if self._error is not None:
            raise self._error
        yield cast(Running, None)


class Nothing:
    """A work that has no result, and counts on whom it was done."""

    name = "nothing"

    def __init__(self) -> None:
        self.done: list[str] = []

    def run(self, subject: Any, _: object) -> Iterator[Any]:
        self.done.append(subject.name)
        yield from ()


def test_a_system_that_does_not_start_is_named_and_the_others_are_measured(tmp_path: Path) -> None:
    """What was measured within an hour was lost with the first that did not start."""
    work, told = Nothing(), list[str]()
    planned = [
        Step(cast(Work, work), system, tmp_path, "memory", last=False)
        for system in (Idle("first"), Idle("broken", ValueError("no key")), Idle("last"))
    ]
    session = Session(planned, told.append)
    assert list(session.measure()) == []
    assert work.done == ["first", "last"]
    assert session.failed == ["nothing: broken: ValueError: no key"]
    assert len(told) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", ["--disk", "--data"])
def test_folders_are_the_same_wherever_a_system_is_started(option: str) -> None:
    """Each is started in a folder of its own: with a relative one it found nothing."""
    given = main.make_context("bench", [option, "x"]).params[option.removeprefix("--")]
    assert given == Path.cwd() / "x"
