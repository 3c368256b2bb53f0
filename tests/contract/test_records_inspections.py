"""The contract of `Inspections`, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.support.facts import NOW, after, document, job, verdict
from uploads.documents.canaries import Canary
from uploads.documents.model import Document, State
from uploads.records.sql import SqlRecords

Add = Callable[..., Document]


@pytest.fixture
def clean(owned: SqlRecords) -> Add:
    """Adds a clean document that was inspected with a set of engines."""

    def add_one(document_id: str, engines: str = "old", risk: int = 0, **changes: Any) -> Document:
        made = document(document_id, **{"state": State.CLEAN, **changes})
        owned.write(lambda work: work.documents.add(made))
        assert owned.write(lambda work: work.inspections.mark(document_id, engines, risk))
        return made

    return add_one


def outdated(records: SqlRecords, engines: str = "new", limit: int = 9) -> list[str]:
    return list(records.read(lambda work: work.inspections.outdated(engines, limit)))


def test_a_canary_comes_back_as_it_was_put(records: SqlRecords) -> None:
    first = Canary("clamav", "here", NOW, ok=True, version="1.4", good_at=NOW, reach=5)
    full = Canary(
        *("clamav", "here", after(1), False, "1.5", "1/2026-03-04", NOW, after(1), after(-60)),
        *(1, 2, NOW, "said nothing"),
    )
    other = replace(first, place="there")
    for canary in (first, other, full):
        records.write(lambda work, new=canary: work.inspections.put_canary(new))  # type: ignore[misc]
    for change in (False, True):
        found = records.write(
            lambda work, by=change: work.inspections.canary("clamav", "here", change=by)  # type: ignore[misc]
        )
        assert found == full
    assert records.write(lambda work: work.inspections.canary("yara", "here")) is None
    assert records.read(lambda work: work.inspections.canaries(NOW)) == [full, other]
    assert records.read(lambda work: work.inspections.canaries(after(1))) == [full]
    records.write(lambda work: work.inspections.forget_canaries(after(1)))
    assert records.read(lambda work: work.inspections.canaries(NOW)) == [full]


def test_the_riskiest_and_of_these_the_newest_come_first(clean: Add, owned: SqlRecords) -> None:
    clean("doc_old_risky", "a", 2)
    clean("doc_text", "a", 0, created_at=after(9))
    clean("doc_picture", "b", 1, created_at=after(5))
    clean("doc_new_risky", "b", 2, created_at=after(1))
    clean("doc_never", "", 2, created_at=after(-1))
    clean("doc_current", "new", 2, created_at=after(99))
    expected = ["doc_new_risky", "doc_old_risky", "doc_never", "doc_picture", "doc_text"]
    assert outdated(owned) == expected
    assert outdated(owned, limit=2) == expected[:2]
    assert outdated(owned, "a") == ["doc_current", "doc_new_risky", "doc_never", "doc_picture"]


def test_what_is_not_clean_or_has_an_open_job_is_not_outdated(
    clean: Add, owned: SqlRecords
) -> None:
    clean("doc_1")
    clean("doc_2")
    assert set(outdated(owned)) == {"doc_1", "doc_2"}
    owned.write(lambda work: work.jobs.add(job("job_1", "doc_1")))
    assert outdated(owned) == ["doc_2"]
    owned.write(lambda work: work.documents.move("doc_2", {State.CLEAN}, State.INFECTED, after(1)))
    assert outdated(owned) == []
    assert not owned.write(lambda work: work.inspections.mark("doc_2", "new", 0))
    owned.write(lambda work: work.jobs.cancel("doc_1"))
    assert owned.write(lambda work: work.inspections.mark("doc_1", "new", 0))
    assert outdated(owned) == []


def test_who_became_clean_in_a_time_is_known_and_who_was_looked_at_since(
    clean: Add, owned: SqlRecords
) -> None:
    for number in range(4):
        clean(f"doc_{number}", "new", updated_at=after(number))
    passed = owned.read(lambda work: work.inspections.passed(after(1), after(2), 9))
    assert passed == ["doc_1", "doc_2"]
    assert owned.read(lambda work: work.inspections.passed(after(1), after(2), 1)) == ["doc_1"]
    for number in (0, 3):
        fact = verdict(inspected_at=after(10 * number))
        owned.write(lambda work, n=number, v=fact: work.documents.add_verdict(f"doc_{n}", v))  # type: ignore[misc]
    assert owned.write(lambda work: work.inspections.distrust(after(10))) == 1
    assert outdated(owned) == ["doc_3"]


def test_a_canary_cannot_fail_between_the_look_and_the_commit(records: SqlRecords) -> None:
    """Who publishes holds it; who writes that it failed waits, and sees what was published."""
    good = Canary("yara", "here", NOW, ok=True)
    records.write(lambda work: work.inspections.put_canary(good))
    looked, wrote, order = threading.Event(), threading.Event(), []

    def publish(work: Any) -> None:
        work.inspections.canary("yara", "here")
        looked.set()
        # Longer than it takes the other one, were it let through.
        wrote.wait(1)
        order.append("published")

    def fail(work: Any) -> None:
        assert work.inspections.canary("yara", "here", change=True) == good
        order.append("failed")
        wrote.set()

    other = threading.Thread(target=lambda: (looked.wait(60), records.write(fail)))
    other.start()
    records.write(publish)
    other.join()
    assert order == ["published", "failed"]
