"""Documents whose time is over: the sweep ends them, so that lists and events tell the truth."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.line import TEXT, Line
from uploads.documents.model import Document, State
from uploads.records.protocol import DocumentFilter, Work
from workers import expiring

SOON = timedelta(seconds=1)


def expiring_soon(line: Line) -> Document:
    """A clean document that ends in a second."""
    document = line.accept(TEXT)
    line.runner.run(line.job_of(document))
    ends(line, document, line.now + SOON)
    return document


def ends(line: Line, document: Document, at: datetime) -> None:
    changes = {"expires_at": at}
    state = line.state(document)
    assert line.records.write(lambda work: work.documents.change(document.id, state, changes))


def listed(line: Line, *states: State) -> list[str]:
    page, _ = line.library.list(line.actor, DocumentFilter(states=frozenset(states)), 10)
    return [one.id for one in page]


def sweep(line: Line) -> None:
    """What the task does, in its order."""
    line.sweeper.sweep()
    line.expirer.expire_due()
    line.reaper.reap_due()


def test_the_next_sweep_ends_what_has_expired_and_tells_it(line: Line) -> None:
    """State, lists and events; the bytes go after it."""
    document = expiring_soon(line)
    sweep(line)
    assert (line.state(document), listed(line, State.CLEAN)) == (State.CLEAN, [document.id])
    line.later(seconds=1)
    sweep(line)
    assert line.state(document) is State.EXPIRED
    assert listed(line, State.CLEAN) == []
    assert listed(line, State.EXPIRED) == [document.id]
    told = line.records.read(lambda work: work.events.after(line.actor.user_id, 0, 99))
    assert told[-1].facts["state"] == "expired"
    assert line.stored() == []


def test_what_waits_for_its_inspection_is_not_inspected_any_more(line: Line) -> None:
    document = line.accept(TEXT)
    job_id = line.job_of(document)
    ends(line, document, line.now)
    assert line.expirer.expire_due() == 1
    line.runner.run(job_id)
    assert (line.state(document), line.engine.seen) == (State.EXPIRED, [])


def test_where_nothing_is_due_nothing_is_written(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: object) -> None:
        raise AssertionError("written")

    expiring_soon(line)
    monkeypatch.setattr(line.records, "write", refused)
    assert line.expirer.expire_due() == 0


def test_whose_time_is_prolonged_in_the_last_moment_stays(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was seen due is looked at again by who ends it."""
    document = expiring_soon(line)
    line.later(seconds=1)
    read = line.records.read

    def prolonged(unit: Any) -> Any:
        monkeypatch.undo()
        found = read(unit)
        ends(line, document, line.now + SOON)
        return found

    monkeypatch.setattr(line.records, "read", prolonged)
    assert line.expirer.expire_due() == 0
    assert line.state(document) is State.CLEAN


def test_a_sweep_ends_so_many_and_the_next_one_goes_on(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In commits of a few; nobody else waits for all of them."""
    monkeypatch.setattr(expiring, "_AT_ONCE", 2)
    monkeypatch.setattr(expiring, "_ROUNDS", 2)
    for document in [line.accept(TEXT) for _ in range(5)]:
        ends(line, document, line.now)
    commits: list[int] = []
    write = line.records.write

    def counted(unit: Any) -> Any:
        def run(work: Work) -> Any:
            done = unit(work)
            commits.append(done)
            return done

        return write(run)

    monkeypatch.setattr(line.records, "write", counted)
    assert [line.expirer.expire_due() for _ in range(3)] == [4, 1, 0]
    assert commits == [2, 2, 1]
