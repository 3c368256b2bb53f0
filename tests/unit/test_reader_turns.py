"""Reading a stream lets others of the thread go on in between; reading a whole file is alone."""

from __future__ import annotations

import io

import pytest

from uploads.documents.readers import window
from uploads.documents.readers.window import Ask, Walk, Window, walk_file

CRUMBS = b"x" * 50_000


def bytewise(seen: Window) -> Ask[None]:
    """What a file of many small pieces makes of a reader."""
    while (yield from seen.some_of(1)):
        pass


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    taken: list[float] = []
    monkeypatch.setattr(window.time, "sleep", taken.append)
    return taken


def test_who_reads_a_stream_gives_way_every_few_thousand_steps(turns: list[float]) -> None:
    """One piece of many small parts held a process, and all whom it served, for 0.2 s."""
    walk = Walk(bytewise)
    walk.feed(CRUMBS)
    walk.close()
    assert 10 < len(turns) <= 50
    assert max(turns) < 0.001


def test_who_reads_a_whole_file_waits_for_nobody(turns: list[float]) -> None:
    """It runs in a process of its own, and in the cell no call that waits is open to it."""
    walk_file(io.BytesIO(CRUMBS), bytewise)
    assert turns == []
