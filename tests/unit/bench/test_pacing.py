"""A slow client of the benchmark keeps to its bandwidth, whatever the server does."""

from __future__ import annotations

from itertools import pairwise

import pytest

from bench.load.pacing import Pace


def sent_at(pace: Pace, pieces: int, stalls: dict[int, float]) -> list[float]:
    """When each piece goes, where `stalls` holds some of them back by so many seconds."""
    times: list[float] = []
    due = 0.0
    for number in range(pieces):
        sent = due + stalls.get(number, 0.0)
        times.append(sent)
        due = pace.next_due(due, sent)
    return times


def test_pieces_are_spread_over_the_whole_time() -> None:
    """2 MiB over 30 s in pieces of 16 KiB: the last one goes when 30 s are nearly over."""
    pace = Pace.over(2 * 1024 * 1024, 30, 16 * 1024)
    times = sent_at(pace, 128, {})
    assert times[-1] + pace.interval == pytest.approx(30)


def test_the_clocks_own_lateness_is_made_up_for() -> None:
    """A piece that went a little late does not delay those after it."""
    pace = Pace(16, 1.0)
    late = sent_at(pace, 50, dict.fromkeys(range(1, 49), 0.2))
    assert late[-1] == pytest.approx(49)


def test_a_stall_is_not_followed_by_a_burst() -> None:
    """After ten seconds of waiting the pieces go as far apart as ever, but for half an interval."""
    times = sent_at(Pace(16, 1.0), 20, {5: 10.0})
    gaps = [after - before for before, after in pairwise(times)]
    assert min(gaps) >= 0.5
    assert sum(gaps) >= 19 + 10 - 0.5
