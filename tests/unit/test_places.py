"""What can wait never takes the last process from what is urgent, and never stands still."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess

import pytest

from tests.support.line import LEASE, TEXT, Line
from uploads.documents.model import Job, JobKind, JobState
from workers.jobs import Patience, Runner
from workers.places import PATIENT, URGENT, Places

_fork = multiprocessing.get_context("fork")


def _hold(places: Places, told: Connection) -> None:
    with places.one() as free:
        told.send(free)
        signal.pause()


@contextmanager
def elsewhere(places: Places) -> Iterator[ForkProcess]:
    """Another process of the worker that has a place."""
    ours, its = _fork.Pipe()
    holder = _fork.Process(target=_hold, args=(places, its), daemon=True)
    holder.start()
    assert ours.recv() is True
    try:
        yield holder
    finally:
        holder.kill()
        holder.join()


def free(places: Places) -> bool:
    with places.one() as found:
        return found


@pytest.mark.parametrize(("processes", "places"), [(1, 1), (2, 1), (3, 2), (8, 7)])
def test_one_process_is_left_for_what_is_urgent(processes: int, places: int) -> None:
    assert Places.beside_urgent(processes).count == places


def test_every_kind_of_job_either_waits_or_does_not() -> None:
    assert {*PATIENT, *URGENT} == set(JobKind)
    assert not PATIENT & URGENT


def test_there_are_as_many_places_as_said() -> None:
    places = Places(2)
    with elsewhere(places):
        assert free(places)
        with elsewhere(places):
            assert not free(places)
        assert free(places)


def test_a_place_is_free_once_its_process_is_killed() -> None:
    places = Places(1)
    with elsewhere(places) as holder:
        assert not free(places)
        holder.kill()
        holder.join()
        assert free(places)


def _hold_and_fork(places: Places, told: Connection) -> None:
    with places.one():
        child = os.fork()
        if child:
            told.send(child)
        signal.pause()


def test_what_a_holder_has_forked_holds_nothing_after_it() -> None:
    """As the cell's processes are, which may live a little longer."""
    places, (ours, its) = Places(1), _fork.Pipe()
    holder = _fork.Process(target=_hold_and_fork, args=(places, its), daemon=True)
    holder.start()
    forked = ours.recv()
    try:
        assert not free(places)
        holder.kill()
        holder.join()
        assert free(places)
    finally:
        os.kill(forked, signal.SIGKILL)


@pytest.fixture
def done() -> list[str]:
    return []


@pytest.fixture
def places() -> Places:
    return Places(1)


@pytest.fixture
def runner(line: Line, places: Places, done: list[str]) -> Runner:
    def handle(job: Job) -> None:
        done.append(job.id)
        line.records.write(lambda work: work.jobs.finish(job))

    return Runner(
        records=line.records,
        clock=line.clock,
        handlers=dict.fromkeys(JobKind, handle),
        patience=Patience(LEASE, timedelta(seconds=60), 3, timedelta(days=30)),
        places=places,
        hints=line.hints,
    )


def pictures(line: Line, count: int) -> list[str]:
    """Render jobs, oldest first."""
    document, made = line.accept(TEXT), []
    for number in range(count):
        at = line.now + timedelta(microseconds=number)
        whose = (document.id, document.owner_id)
        job = Job(line.new_id(), JobKind.RENDER, *whose, JobState.DUE, line.now, at)
        line.records.write(lambda work, new=job: work.jobs.add(new))  # type: ignore[misc]
        made.append(job.id)
    line.hints.jobs.clear()
    return made


def test_without_a_place_only_what_is_urgent_is_done(
    line: Line, runner: Runner, places: Places, done: list[str]
) -> None:
    urgent = line.job_of(line.accept(TEXT))
    (picture,) = pictures(line, 1)
    with elsewhere(places):
        runner.run(picture)
        runner.run(urgent)
    assert done == [urgent]
    assert line.job(picture).starts == 0, "it has not begun"
    assert line.hints.jobs == [], "whoever has the place calls the next"


def test_whoever_leaves_a_place_calls_the_next(line: Line, runner: Runner, done: list[str]) -> None:
    """The hints of those that found no place are gone, and none stands still for it."""
    made = pictures(line, 3)
    runner.run(made[0])
    while line.hints.jobs:
        runner.run(line.hints.jobs.pop(0))
    assert done == made


def test_a_hint_of_what_is_done_already_is_for_the_next_one(
    line: Line, runner: Runner, done: list[str]
) -> None:
    """And where there is none of its kind, it calls nobody."""
    first, second = pictures(line, 2)
    runner.run(first)
    runner.run(first)
    assert done == [first, second]
    line.hints.jobs.clear()
    runner.run(first)
    assert (done, line.hints.jobs) == ([first, second], [])


def test_the_sweep_calls_as_many_as_have_places(line: Line) -> None:
    """Behind what is urgent, however many wait."""
    made = pictures(line, 5)
    (inspection,) = line.records.read(lambda work: work.jobs.due(line.now, 9, URGENT))
    line.new_sweeper(places=2).sweep()
    assert line.hints.jobs == [inspection, *made[:2]]
