"""The thorough look: what it takes, and what it must leave alone."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest

from tests.support import facts
from tests.support.line import GRACE, TEXT, Line
from uploads import clock
from uploads.documents.model import State
from uploads.records.protocol import Work
from uploads.storage.protocol import Bucket
from workers.retention import Tidier


def test_an_object_that_is_just_coming_in_is_left_alone(line: Line) -> None:
    line.storage.put(Bucket.INCOMING, "young/object", [TEXT], len(TEXT))
    line.later(seconds=GRACE.total_seconds() - 1)
    line.tidier.tidy()
    line.reaper.reap_due()
    assert line.stored() == [("incoming", "young/object")]
    line.later(seconds=2)
    line.tidier.tidy()
    line.reaper.reap_due()
    assert line.stored() == []


def test_a_store_whose_clock_is_behind_costs_no_bytes_that_are_just_coming_in(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their row is committed in a moment: it must not find them deleted."""
    monkeypatch.setattr("uploads.clock.time.time_ns", lambda: int(line.now.timestamp() * 1e9))
    keys = sorted([f"{clock.new_id()}/{clock.new_id()}", f"shared/{clock.new_id()}"])
    for key in keys:
        line.storage.objects[Bucket.INCOMING, key] = (TEXT, line.now - timedelta(hours=1))
    line.tidier.tidy()
    line.reaper.reap_due()
    assert sorted(key for _, key in line.stored()) == keys
    line.later(seconds=GRACE.total_seconds() + 1)
    line.tidier.tidy()
    line.later(seconds=GRACE.total_seconds())
    line.reaper.reap_due()
    assert line.stored() == []


def test_a_waiting_documents_bytes_are_left_alone_however_old(line: Line) -> None:
    line.accept(TEXT)
    line.later(days=2)
    line.tidier.tidy()
    line.reaper.reap_due()
    assert len(line.stored()) == 1


def test_forgotten_scratch_files_and_ended_sessions_go(line: Line) -> None:
    ended: list[bool] = []

    def end_sessions() -> int:
        ended.append(True)
        return 1

    tidier = Tidier(
        records=line.records,
        storage=line.storage,
        scratch=line.scratch,
        clock=line.clock,
        grace=GRACE,
        keep_refused=timedelta(days=30),
        keep_tombstones=timedelta(days=30),
        keep_deliveries=timedelta(days=30),
        keep_events=timedelta(days=7),
        end_sessions=end_sessions,
        new_id=line.new_id,
    )
    with line.scratch.file("old") as old, line.scratch.file("young") as young:
        old.touch()
        young.touch()
        os.utime(old, (0, 0))
        tidier.tidy()
        assert (old.exists(), young.exists()) == (False, True)
    assert ended == [True]


@pytest.mark.parametrize(
    ("state", "days"), [(State.RECEIVING, 1), (State.DELETED, 31), (State.REJECTED, 31)]
)
def test_however_many_there_are_one_round_ends_them_all(
    line: Line, state: State, days: int
) -> None:
    """Uploads of a killed process, tombstones, refused files: more may come within a round's time
    than a part of them."""
    at = line.now

    def unit(work: Work) -> None:
        for number in range(450):
            work.documents.add(
                facts.document(
                    f"doc_{number}",
                    owner_id=line.actor.user_id,
                    state=state,
                    created_at=at,
                    updated_at=at,
                )
            )

    line.records.write(unit)
    line.later(days=days)
    line.tidier.tidy()
    assert line.records.read(lambda work: work.documents.stalled({state}, line.now, 500)) == []
    assert line.quotas.of(line.actor.user_id).files_used == 0
