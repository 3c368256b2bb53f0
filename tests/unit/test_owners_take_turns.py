"""Owners take turns: nobody's file waits behind all that another one has sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from tests.support.line import LEASE, TEXT, Line
from uploads.documents.model import Document, Job, JobKind, State
from uploads.records.leasing import Waiting
from uploads.records.protocol import Records
from workers import turns
from workers.turns import Turns, in_turn

NOW = datetime(2026, 3, 4, tzinfo=UTC)


class Looking:
    """Records of which only the owners are looked up."""

    def glance(self, unit: Any) -> Sequence[Waiting]:
        return unit(self)

    jobs = property(lambda self: self)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def test_who_has_the_fewest_under_way_comes_first() -> None:
    """Then who had no turn, or none for longest; then who has waited for longest."""
    found = [
        Waiting("two_under_way", ago(999), 2, ago(500)),
        Waiting("had_a_turn", ago(900), 0, ago(1)),
        Waiting("never_young", ago(1), 0, None),
        Waiting("one_under_way", ago(999), 1, None),
        Waiting("never_old", ago(2), 0, None),
        Waiting("had_a_turn_before", ago(3), 0, ago(2)),
        Waiting("nothing_to_begin", None, 0, None),
    ]
    assert in_turn(found) == [
        *("never_old", "never_young", "had_a_turn_before", "had_a_turn"),
        *("one_under_way", "two_under_way"),
    ]


def test_a_newcomer_waits_for_what_is_under_way_and_for_nothing_else(line: Line) -> None:
    """One worker, which does one thing at a time."""
    flood = [line.accept(TEXT) for _ in range(9)]
    line.runner.run(line.job_of(flood[0]))
    late = line.accept(TEXT, owner=line.stranger)
    line.later(seconds=1)
    line.runner.run(line.job_of(flood[1]))
    assert line.state(late) is State.CLEAN
    assert settled(line, flood) == [True] + [False] * 8


def test_several_who_flood_have_turns_and_so_has_a_newcomer(line: Line) -> None:
    """As many of them as there are workers, and more: each owner's next one waits for a round."""
    others = [line._user(f"{number}@example.org") for number in range(3)]
    floods = [[line.accept(TEXT, owner=one) for _ in range(4)] for one in others]
    hints = line.hints.jobs[:]
    for hint in hints[:4]:
        line.later(seconds=1)
        line.runner.run(hint)
    assert [settled(line, flood).count(True) for flood in floods] == [2, 1, 1]
    mine = [line.accept(TEXT, owner=line.stranger) for _ in range(2)]
    for hint in hints[4:9]:
        line.later(seconds=1)
        line.runner.run(hint)
    assert settled(line, mine) == [True, True]
    assert [settled(line, flood).count(True) for flood in floods] == [3, 2, 2]


def test_each_hint_is_for_one_job_whichever_it_names(line: Line) -> None:
    """So nothing is left when there were as many of them as jobs."""
    first = line.accept(TEXT)
    second = line.accept(TEXT, owner=line.stranger)
    hints = line.hints.jobs[:]
    line.runner.run(hints[1])
    assert settled(line, [first, second]) == [True, False]
    line.runner.run("job_of_a_document_that_is_gone")
    assert settled(line, [first, second]) == [True, True]


def test_who_was_overtaken_is_done_by_the_hint_of_what_is_done(line: Line) -> None:
    made = [line.accept(TEXT), line.accept(TEXT), line.accept(TEXT, owner=line.stranger)]
    hints = line.hints.jobs[:]
    for hint in hints:
        line.later(seconds=1)
        line.runner.run(hint)
    assert settled(line, made) == [True] * 3
    assert len(line.engine.seen) == 3


def test_what_workers_do_not_survive_takes_no_hint_from_others(line: Line) -> None:
    """It is given up, and the hint goes to the next one."""
    deadly, other = line.accept(TEXT), line.accept(TEXT)
    for _ in range(3):
        line.crash_once(line.job_of(deadly), "s9")
    line.runner.run(line.job_of(other))
    assert (line.state(deadly), line.state(other)) == (State.FAILED, State.CLEAN)


def test_a_lease_that_ran_out_is_not_under_way(line: Line) -> None:
    (held,) = [line.accept(TEXT)]
    job_id = line.job_of(held)
    until = line.now + LEASE
    line.records.write(lambda work: work.jobs.lease(job_id, line.now, until))
    assert Turns(line.records).next(JobKind.INSPECT, line.now) == []
    assert Turns(line.records).next(JobKind.INSPECT, until) == [line.actor.user_id]


def test_where_very_many_wait_all_have_a_turn(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few owners are looked at for each job, and the next ones for the next."""
    monkeypatch.setattr(turns, "_LOOKED_AT", 3)
    owners = [line._user(f"{number}@example.org") for number in range(10)]
    made = [line.accept(TEXT, owner=one) for one in owners for _ in range(2)]
    hints = line.hints.jobs[:]
    for hint in hints[:10]:
        line.later(seconds=1)
        line.runner.run(hint)
    assert settled(line, made[::2]).count(True) >= 9, "nobody twice before nearly all had one"
    for hint in hints[10:]:
        line.runner.run(hint)
    assert settled(line, made) == [True] * 20


def test_the_way_through_very_many_ends_where_it_began(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where all that is found is put off."""
    monkeypatch.setattr(turns, "_LOOKED_AT", 2)
    looked = list[str]()

    class Glancing(Looking):
        def owners_waiting(self, kind: JobKind, now: datetime, after: str, most: int) -> Any:
            looked.append(after)
            ids = [one for one in "abcde" if one > after]
            return [Waiting(one, since.get(one), 0, None) for one in ids[:most]]

    since = {"c": NOW}
    asked = Turns(cast(Records, Glancing()))
    assert (asked.next(JobKind.INSPECT, NOW), looked) == (["c"], ["", "b"])
    since.clear()
    looked.clear()
    assert (asked.next(JobKind.INSPECT, NOW), looked) == ([], ["d", "", "a", "c"])


def test_the_way_ends_although_those_with_whom_it_began_are_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All that waits is put off, as while an engine is away, and somebody deletes his files."""
    monkeypatch.setattr(turns, "_LOOKED_AT", 2)
    waiting = list("abcdef")

    class Glancing(Looking):
        looks = 0

        def owners_waiting(self, kind: JobKind, now: datetime, after: str, most: int) -> Any:
            self.looks += 1
            assert self.looks < 20, "it goes round and round"
            found = [Waiting(one, None, 0, None) for one in waiting if one > after][:most]
            if "a" in waiting:
                waiting.remove("a")
            return found

    assert Turns(cast(Records, Glancing())).next(JobKind.INSPECT, NOW) == []


def test_who_is_the_last_of_too_many_has_no_more_turns_than_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One more than are looked at, all with a flood: none stands alone on a page of his own."""
    monkeypatch.setattr(turns, "_LOOKED_AT", 3)
    had: dict[str, list[datetime]] = {one: [] for one in "abcd"}

    class Glancing(Looking):
        def owners_waiting(self, kind: JobKind, now: datetime, after: str, most: int) -> Any:
            ids = [one for one in had if one > after][:most]
            return [Waiting(one, NOW, 0, had[one][-1] if had[one] else None) for one in ids]

    asked = Turns(cast(Records, Glancing()))
    for second in range(100):
        chosen, *_ = asked.next(JobKind.INSPECT, NOW)
        had[chosen].append(NOW + timedelta(seconds=second))
    assert all(24 <= len(each) <= 26 for each in had.values()), had


def settled(line: Line, documents: Sequence[Document]) -> list[bool]:
    return [line.state(one) is State.CLEAN for one in documents]


def test_a_job_belongs_to_the_owner_of_its_document(line: Line) -> None:
    document = line.accept(TEXT, owner=line.stranger)
    found: Job = line.job(line.job_of(document))
    assert found.owner_id == line.stranger.user_id
