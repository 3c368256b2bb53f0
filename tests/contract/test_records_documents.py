"""The contract of `Documents`, on both databases."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from datetime import timedelta, timezone

import pytest

from tests.support.facts import NOW, SHA256, after, document, job, rendition, verdict
from uploads.documents.errors import Conflict, IllegalMove
from uploads.documents.model import MOVES, Document, Outcome, Segment, State
from uploads.records.protocol import DocumentFilter
from uploads.records.sql import SqlRecords


def found(records: SqlRecords, document_id: str = "doc_1") -> Document:
    one = records.read(lambda work: work.documents.find(document_id))
    assert one is not None
    return one


def test_a_document_comes_back_as_it_was_added(owned: SqlRecords) -> None:
    """Every field survives, verdict and renditions included."""
    made = document(
        verdict=verdict(),
        renditions=(rendition("thumbnail-200"), rendition("thumbnail-800")),
        expires_at=after(60),
        clean_key="c/1",
        quarantine_key="q/1",
        name="Zażółć 文件 🎈.pdf",
    )
    owned.write(lambda work: work.documents.add(made))
    assert found(owned) == made


def test_times_in_another_zone_come_back_as_the_same_moment(
    owned: SqlRecords, add: Callable[..., Document]
) -> None:
    add(created_at=NOW.astimezone(timezone(timedelta(hours=5, minutes=30))))
    assert found(owned).created_at == NOW
    assert found(owned).created_at.utcoffset() == timedelta(0)


def test_a_naive_time_is_refused(owned: SqlRecords) -> None:
    naive = document(created_at=NOW.replace(tzinfo=None))
    with pytest.raises(Exception, match="without a time zone"):
        owned.write(lambda work: work.documents.add(naive))


def test_get_hides_what_belongs_to_somebody_else(
    owned: SqlRecords, add: Callable[..., Document]
) -> None:
    made = add()
    assert owned.read(lambda work: work.documents.get("usr_1", "doc_1")) == made
    assert owned.read(lambda work: work.documents.get("usr_2", "doc_1")) is None
    assert owned.read(lambda work: work.documents.get("usr_1", "doc_2")) is None


@pytest.mark.parametrize("strange", ["", "\x00", "doc\x00_1", "\ud800", "x" * 100_000])
def test_a_strange_id_is_simply_unknown(owned: SqlRecords, strange: str) -> None:
    """Whatever stands in an address, a look-up answers None and raises nothing."""
    assert owned.read(lambda work: work.documents.get("usr_1", strange)) is None
    assert owned.read(lambda work: work.documents.find(strange)) is None


def test_a_taken_id_or_an_unknown_owner_is_a_conflict(
    owned: SqlRecords, add: Callable[..., Document]
) -> None:
    add()
    with pytest.raises(Conflict):
        add()
    with pytest.raises(Conflict):
        add("doc_2", owner_id="usr_9")
    with pytest.raises(Conflict):
        owned.write(lambda work: work.documents.add_segment("doc_9", Segment(0, 1, "k")))


def test_move_changes_state_columns_and_time_at_once(
    owned: SqlRecords, add: Callable[..., Document]
) -> None:
    made = add(state=State.SCANNING)
    changes = {"clean_key": "c/1", "sha256": "cd" * 32, "size": 7, "type": "image/png"}
    assert owned.write(
        lambda work: work.documents.move(
            "doc_1", [State.SCANNING], State.CLEAN, after(5), **changes, expires_at=after(9)
        )
    )
    assert found(owned) == dataclasses.replace(
        made, state=State.CLEAN, updated_at=after(5), expires_at=after(9), **changes
    )


def test_move_from_another_state_does_nothing(
    owned: SqlRecords, add: Callable[..., Document]
) -> None:
    made = add(state=State.QUARANTINED)
    for unknown in ("doc_1", "doc_9"):
        assert not owned.write(
            lambda work: work.documents.move(unknown, [State.SCANNING], State.CLEAN, NOW)  # noqa: B023
        )
    assert not owned.write(lambda work: work.documents.move("doc_1", [], State.CLEAN, NOW))
    assert found(owned) == made


@pytest.mark.parametrize(("state", "next_state"), list(itertools.product(State, State)))
def test_move_follows_the_state_machine(state: State, next_state: State) -> None:
    """What `MOVES` lacks is refused before the database is asked: there is none here."""
    from uploads.records.documents import SqlDocuments

    if next_state in MOVES[state]:
        return
    with pytest.raises(IllegalMove):
        SqlDocuments(None).move(  # type: ignore[arg-type]
            "doc_1", [state], next_state, NOW
        )


def test_move_refuses_when_only_one_of_several_pairs_is_illegal(
    owned: SqlRecords, add: Callable[..., Document]
) -> None:
    add(state=State.SCANNING)
    with pytest.raises(IllegalMove):
        owned.write(
            lambda work: work.documents.move(
                "doc_1", [State.SCANNING, State.QUARANTINED], State.CLEAN, NOW
            )
        )
    assert found(owned).state is State.SCANNING


def test_move_refuses_other_columns(owned: SqlRecords, add: Callable[..., Document]) -> None:
    add()
    with pytest.raises(TypeError, match="owner_id"):
        owned.write(
            lambda work: work.documents.move(
                "doc_1", [State.QUARANTINED], State.DELETED, NOW, owner_id="usr_2"
            )
        )


def test_a_tombstone_has_neither_name_nor_digest(
    owned: SqlRecords, add: Callable[..., Document]
) -> None:
    """And it is no longer found by the name that it had."""
    add(state=State.CLEAN)
    owned.write(
        lambda work: work.documents.move(
            "doc_1", [State.CLEAN], State.DELETED, NOW, name="", sha256=None
        )
    )
    assert (found(owned).name, found(owned).sha256) == ("", None)
    gone = DocumentFilter(states=[State.DELETED], text="report")
    assert owned.read(lambda work: work.documents.page("usr_1", gone, 9, None)) == []


def test_segments_come_in_order_and_can_be_forgotten_once(
    owned: SqlRecords, add: Callable[..., Document]
) -> None:
    add("doc_1")
    add("doc_2")
    first, second = Segment(0, 6_000_000_000, "k/1"), Segment(6_000_000_000, 5, "k/2")
    other = Segment(0, 1, "k/3")
    owned.write(lambda work: work.documents.add_segment("doc_1", second))
    owned.write(lambda work: work.documents.add_segment("doc_1", first))
    owned.write(lambda work: work.documents.add_segment("doc_2", other))
    assert owned.read(lambda work: work.documents.segments("doc_1")) == [first, second]
    assert owned.write(lambda work: work.documents.drop_segments("doc_1")) == [first, second]
    assert owned.write(lambda work: work.documents.drop_segments("doc_1")) == []
    assert owned.read(lambda work: work.documents.segments("doc_2")) == [other]


def test_a_segment_in_a_shared_object_is_found_and_given_one_of_its_own(
    owned: SqlRecords, add: Callable[..., Document]
) -> None:
    add("doc_1")
    add("doc_2")
    shared = [Segment(0, 3, "shared/1", 0), Segment(0, 4, "shared/1", 3)]
    owned.write(lambda work: work.documents.add_segment("doc_1", shared[0]))
    owned.write(lambda work: work.documents.add_segment("doc_2", shared[1]))
    assert owned.read(lambda work: work.documents.segments("doc_2")) == [shared[1]]
    moved = owned.write(lambda work: work.documents.move_segment("doc_2", shared[1], "doc2/1"))
    again = owned.write(lambda work: work.documents.move_segment("doc_2", shared[1], "doc2/2"))
    assert (moved, again) == (True, False)
    assert owned.read(lambda work: work.documents.segments("doc_2")) == [Segment(0, 4, "doc2/1")]
    held = [owned.read(lambda work: work.documents.held(key)) for key in ("shared/1", "k/1")]  # noqa: B023
    assert held == [True, False]
    assert owned.write(lambda work: work.documents.drop_segments("doc_1")) == [shared[0]]
    assert not owned.read(lambda work: work.documents.held("shared/1"))


def test_two_segments_cannot_claim_one_offset(
    owned: SqlRecords, add: Callable[..., Document]
) -> None:
    add()
    owned.write(lambda work: work.documents.add_segment("doc_1", Segment(0, 1, "k/1")))
    with pytest.raises(Conflict):
        owned.write(lambda work: work.documents.add_segment("doc_1", Segment(0, 1, "k/2")))


def test_the_newest_verdict_is_shown(owned: SqlRecords, add: Callable[..., Document]) -> None:
    add()
    clean, late = verdict(), verdict(Outcome.INFECTED, reason=None, inspected_at=after(60))
    owned.write(lambda work: work.documents.add_verdict("doc_1", clean))
    assert found(owned).verdict == clean
    owned.write(lambda work: work.documents.add_verdict("doc_1", late))
    assert found(owned).verdict == late


def test_of_renditions_with_one_name_the_first_stays(
    owned: SqlRecords, add: Callable[..., Document]
) -> None:
    add("doc_1")
    add("doc_2")
    first, second = rendition(key="k/1"), rendition(key="k/2")
    assert owned.write(lambda work: work.documents.add_rendition("doc_1", first))
    assert not owned.write(lambda work: work.documents.add_rendition("doc_1", second))
    assert owned.write(lambda work: work.documents.add_rendition("doc_2", second))
    assert found(owned).renditions == (first,)
    assert owned.write(lambda work: work.documents.drop_renditions("doc_1")) == [first]
    assert owned.write(lambda work: work.documents.drop_renditions("doc_1")) == []
    assert found(owned, "doc_2").renditions == (second,)


def test_pages_come_in_the_order_of_their_numbers(
    owned: SqlRecords, add: Callable[..., Document]
) -> None:
    add()
    for name in ("page-10", "page-2", "thumbnail-800", "page-1", "thumbnail-200"):
        one = rendition(name, key=f"k/{name}")
        owned.write(lambda work, one=one: work.documents.add_rendition("doc_1", one))
    names = [one.name for one in found(owned).renditions]
    assert names == ["page-1", "page-2", "page-10", "thumbnail-200", "thumbnail-800"]


def test_stalled_finds_the_oldest_and_growing_saves_from_it(
    owned: SqlRecords, add: Callable[..., Document]
) -> None:
    add("doc_1", state=State.RECEIVING, updated_at=after(2))
    add("doc_2", state=State.RECEIVING, updated_at=after(1))
    add("doc_3", state=State.RECEIVING, updated_at=after(3))
    add("doc_4", state=State.CLEAN, updated_at=after(1))

    def stalled(limit: int) -> list[str]:
        states = [State.RECEIVING, State.SCANNING]
        rows = owned.read(lambda work: work.documents.stalled(states, after(3), limit))
        return [one.id for one in rows]

    assert stalled(9) == ["doc_2", "doc_1"]
    assert stalled(1) == ["doc_2"]
    assert owned.write(lambda work: work.documents.grow("doc_2", 1, after(3)))
    assert stalled(9) == ["doc_1"]


def test_remove_takes_everything_that_hangs_on_it(
    owned: SqlRecords, add: Callable[..., Document]
) -> None:
    add(verdict=verdict(), renditions=(rendition(),))
    owned.write(lambda work: work.documents.add_segment("doc_1", Segment(0, 1, "k/1")))
    owned.write(lambda work: work.jobs.add(job()))
    owned.write(lambda work: work.documents.remove("doc_1"))
    assert owned.read(lambda work: work.documents.find("doc_1")) is None
    assert owned.read(lambda work: work.documents.segments("doc_1")) == []
    assert owned.read(lambda work: work.jobs.get("job_1")) is None
    add()
    assert found(owned).verdict is None
    assert found(owned).renditions == ()


def test_all_reaches_every_document_of_everybody(owned: SqlRecords) -> None:
    """More than one batch of them."""
    made = {f"doc_{number:04}" for number in range(1001)}
    owned.write(
        lambda work: [
            work.documents.add(document(name, owner_id=f"usr_{1 + index % 2}"))
            for index, name in enumerate(sorted(made))
        ]
    )
    seen = owned.read(lambda work: [one.id for one in work.documents.all()])
    assert len(seen) == len(made)
    assert set(seen) == made


def test_a_digest_is_kept_as_given(owned: SqlRecords, add: Callable[..., Document]) -> None:
    add(sha256=SHA256)
    assert found(owned).sha256 == SHA256
