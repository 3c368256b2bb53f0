"""Threads that do one thing together."""

from __future__ import annotations

import threading

import pytest

from uploads_client.crew import Crew

LONG = 30


@pytest.mark.parametrize("room", [10, 2])
def test_who_makes_a_crew_waits_for_one_thread_only(
    monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    """Interrupted before it is there, nobody could stop what it does. Fewer do it all as well."""
    starters, acted, over = list[threading.Thread](), list[int](), threading.Event()

    class Thread(threading.Thread):
        def start(self) -> None:
            starters.append(threading.current_thread())
            if len(starters) > room:
                raise RuntimeError("can't start new thread")
            super().start()

    monkeypatch.setattr(threading, "Thread", Thread)
    crew = Crew(lambda: acted.append(1), 5, over.set)
    assert over.wait(LONG)
    crew.leave()
    assert starters.count(threading.current_thread()) == 1
    assert (len(starters), len(acted)) == (5, min(5, room))
