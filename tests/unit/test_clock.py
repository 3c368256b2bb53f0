"""Ids: of one form, never the same, and in the order of time."""

from __future__ import annotations

import re

import pytest

from uploads import clock


def test_ids_of_one_millisecond_differ_and_have_one_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock.time, "time_ns", lambda: 1_800_000_000_000_000_000)
    made = {clock.new_id() for _ in range(10_000)}
    assert len(made) == 10_000
    assert all(re.fullmatch(r"[0-9a-hjkmnp-tv-z]{26}", one) for one in made)
    assert len({one[:10] for one in made}) == 1


def test_every_digit_comes_up_about_as_often() -> None:
    """Of 160,000 random digits each is expected 5,000 times; ten deviations are 700."""
    text = "".join(clock.new_id()[10:] for _ in range(10_000))
    counts = {digit: text.count(digit) for digit in "0123456789abcdefghjkmnpqrstvwxyz"}
    assert sum(counts.values()) == len(text)
    assert all(abs(count - 5_000) < 700 for count in counts.values()), counts


def test_ids_sort_by_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """From 1970 to far beyond this century, a millisecond apart or a hundred years."""
    moments = [0, 1, 31, 32, 1023, 1024, 10**12, 1_800_000_000_000, 1_800_000_000_001, 2**49]
    made = []
    for moment in moments:
        monkeypatch.setattr(clock.time, "time_ns", lambda at=moment: at * 1_000_000)
        made.append(clock.new_id())
    assert made == sorted(made)
    assert len({one[:10] for one in made}) == len(moments)


def test_an_id_tells_when_it_was_made_and_nothing_else_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(clock.time, "time_ns", lambda: 1_800_000_000_123_456_789)
    made = clock.made_at(clock.new_id())
    assert made is not None
    assert made.timestamp() == 1_800_000_000.123
    for other in ("", "00001", "z" * 26, "u" * 26, clock.new_id()[1:], clock.new_id().upper()):
        assert clock.made_at(other) is None
