"""The contract of `Events`: each move is told once, in the order of commits, to its owner alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import pytest

from tests.support.facts import NOW, after, document, rendition, verdict
from uploads.documents.events import Event
from uploads.documents.model import Document, State
from uploads.documents.showing import facts_of
from uploads.records.protocol import Work
from uploads.records.sql import SqlRecords

AT_ONCE = 20
Add = Callable[..., Document]


def told(records: SqlRecords, owner: str = "usr_1", number: int = 0) -> Sequence[Event]:
    return records.read(lambda work: work.events.after(owner, number, 100))


def states(records: SqlRecords, owner: str = "usr_1") -> list[tuple[int, str]]:
    return [(one.number, one.facts["state"]) for one in told(records, owner)]


def move(records: SqlRecords, was: State, to: State, of: str = "doc_1", **more: Any) -> bool:
    return records.write(lambda work: work.documents.move(of, {was}, to, after(1), **more))


def test_what_is_accepted_and_moved_is_told_as_it_was_then(owned: SqlRecords, add: Add) -> None:
    made = add()
    assert told(owned) == [Event("usr_1", 1, "doc_1", NOW, facts_of(made))]
    move(owned, State.QUARANTINED, State.SCANNING)

    def conclude(work: Work) -> None:
        work.documents.add_verdict("doc_1", verdict())
        work.documents.move("doc_1", {State.SCANNING}, State.CLEAN, after(2), sha256="cd" * 32)

    owned.write(conclude)
    seen = told(owned, number=1)
    assert [(one.number, one.at) for one in seen] == [(2, after(1)), (3, after(2))]
    found = owned.read(lambda work: work.documents.find("doc_1"))
    assert found is not None
    assert seen[1].facts == facts_of(found)
    assert seen[1].facts["verdict"]["outcome"] == "clean"


def test_what_its_owner_changes_is_told_anew(owned: SqlRecords, add: Add) -> None:
    """Again and again in one place, and the time by which a document is kept does not move."""
    add()
    add("doc_2", state=State.RECEIVING)
    for name in ("b.txt", "c.txt"):
        for one, state in (("doc_1", State.QUARANTINED), ("doc_2", State.RECEIVING)):
            assert owned.write(
                lambda work, one=one, state=state, name=name: work.documents.change(
                    one, state, {"name": name}, told_at=after(3)
                )
            )
    [event] = told(owned)
    assert (event.number, event.document_id, event.at) == (3, "doc_1", after(3))
    found = owned.read(lambda work: work.documents.find("doc_1"))
    assert found is not None
    assert (found.name, found.updated_at, event.facts) == ("c.txt", NOW, facts_of(found))


def test_pictures_are_told_of_where_there_are_some(owned: SqlRecords, add: Add) -> None:
    add(state=State.CLEAN)
    owned.write(lambda work: work.documents.add_rendition("doc_1", rendition()))
    move(owned, State.CLEAN, State.QUARANTINED)
    assert [one["name"] for one in told(owned)[-1].facts["renditions"]] == ["thumbnail-200"]


def test_each_owner_has_numbers_of_its_own(owned: SqlRecords, add: Add) -> None:
    add()
    add("doc_2", owner_id="usr_2")
    add("doc_3")
    assert [number for number, _ in states(owned)] == [1, 2]
    assert [number for number, _ in states(owned, "usr_2")] == [1]
    assert owned.read(lambda work: work.events.lasts(["usr_1", "usr_2", "usr_3"])) == {
        "usr_1": 2,
        "usr_2": 1,
    }
    only = owned.read(lambda work: work.events.after("usr_1", 0, 9, "doc_3"))
    assert [one.number for one in only] == [2]


def test_what_did_not_move_is_not_told(owned: SqlRecords, add: Add) -> None:
    add()
    assert not move(owned, State.SCANNING, State.CLEAN)

    def breaks(work: Work) -> None:
        work.documents.move("doc_1", {State.QUARANTINED}, State.SCANNING, NOW)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        owned.write(breaks)
    assert states(owned) == [(1, "quarantined")]


def test_an_upload_that_died_on_its_way_was_never_a_document(owned: SqlRecords, add: Add) -> None:
    """Nothing is told of it; by the number whoever waits for it knows that something happened."""
    add(state=State.RECEIVING)
    move(owned, State.RECEIVING, State.EXPIRED)
    assert states(owned) == []
    assert owned.read(lambda work: work.events.last("usr_1")) == 1
    add("doc_2", state=State.RECEIVING)
    move(owned, State.RECEIVING, State.QUARANTINED, "doc_2", size=7)
    assert states(owned) == [(2, "quarantined")]


def test_no_event_is_seen_after_one_with_a_higher_number(owned: SqlRecords) -> None:
    """A transaction that began first and commits last: a reader in between remembers nothing of
    the other one, or it would never see the first one's event."""
    with ThreadPoolExecutor(1) as pool:

        def first(work: Work) -> tuple[Any, Sequence[Event]]:
            work.documents.add(document("doc_1"))
            second = pool.submit(owned.write, lambda other: other.documents.add(document("doc_2")))
            wait([second], timeout=0.5)
            return second, told(owned)

        second, between = owned.write(first)
        assert between == []
        second.result(timeout=60)
    assert [one.document_id for one in told(owned)] == ["doc_1", "doc_2"]


def test_many_at_once_leave_no_gap(owned: SqlRecords) -> None:
    def act(number: int) -> None:
        owned.write(lambda work: work.documents.add(document(f"doc_{number}")))
        move(owned, State.QUARANTINED, State.SCANNING, f"doc_{number}")

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(act, range(AT_ONCE)))
    assert [number for number, _ in states(owned)] == list(range(1, 2 * AT_ONCE + 1))


def test_a_document_that_is_put_off_for_hours_leaves_few_rows(owned: SqlRecords, add: Add) -> None:
    add("doc_2")
    add()
    for _ in range(5):
        move(owned, State.QUARANTINED, State.SCANNING)
        move(owned, State.SCANNING, State.QUARANTINED)
    assert states(owned) == [(1, "quarantined"), (12, "quarantined")]
    move(owned, State.QUARANTINED, State.SCANNING)
    move(owned, State.SCANNING, State.INFECTED)
    assert [state for _, state in states(owned)[-3:]] == ["quarantined", "scanning", "infected"]


def test_of_a_deleted_document_neither_name_nor_digest_is_kept(owned: SqlRecords, add: Add) -> None:
    add()
    add("doc_2")
    gone = {"name": "", "sha256": None}
    move(owned, State.QUARANTINED, State.DELETED, **gone)
    seen = [one for one in told(owned) if one.document_id == "doc_1"]
    assert [(one.number, one.facts["state"]) for one in seen] == [(1, "deleted"), (3, "deleted")]
    assert {one.facts["name"] for one in seen} == {None} == {one.facts["sha256"] for one in seen}
    assert told(owned)[1].facts["name"] == "Report.pdf"


def test_old_events_go_and_a_reader_can_tell(owned: SqlRecords, add: Add) -> None:
    add("doc_1", updated_at=NOW)
    add("doc_2", updated_at=after(10))

    def reaches(number: int) -> bool:
        return owned.read(lambda work: work.events.reach_back_to("usr_1", number))

    assert [reaches(number) for number in (0, 1, 2)] == [True, True, True]
    assert owned.write(lambda work: work.events.remove_before(after(10), 100)) == 1
    assert [reaches(number) for number in (0, 1, 2)] == [False, True, True]
    assert owned.write(lambda work: work.events.remove_before(after(11), 100)) == 1
    assert [reaches(number) for number in (1, 2)] == [False, True]
    add("doc_3")
    assert [number for number, _ in states(owned)] == [3]
