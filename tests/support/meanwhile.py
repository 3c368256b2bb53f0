"""Two units at the same moment: one is begun right after a step of the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support.line import GRACE, TEXT, Line
from uploads.documents.model import Document


class Meanwhile:
    """Something that another thread does right after the first call of a method."""

    def __init__(self) -> None:
        self.done: list[Future[object]] = []

    def result(self) -> object:
        return self.done[0].result(60)


Between = Callable[[type, str, Callable[[], object]], Meanwhile]


@contextmanager
def arranged(monkeypatch: pytest.MonkeyPatch) -> Iterator[Between]:
    """Let something happen right after the first call of a method, in a thread of its own.

    It has half a second to come to its end; if it waits for a lock, the first goes on.
    """
    with ThreadPoolExecutor(2) as pool:

        def arrange(owner: type, name: str, act: Callable[[], object]) -> Meanwhile:
            honest, meanwhile = getattr(owner, name), Meanwhile()

            def first_time(*args: Any, **kwargs: Any) -> Any:
                found = honest(*args, **kwargs)
                if not meanwhile.done:
                    meanwhile.done.append(pool.submit(act))
                    wait(meanwhile.done, timeout=0.5)
                return found

            monkeypatch.setattr(owner, name, first_time)
            return meanwhile

        yield arrange


def clean(line: Line) -> Document:
    document = line.accept(TEXT)
    line.runner.run(line.job_of(document))
    return line.document(document.id)


def assert_nothing_is_left(line: Line) -> None:
    line.later(seconds=GRACE.total_seconds() + 1)
    line.tidier.tidy()
    line.reaper.reap_due()
    assert line.stored() == []
