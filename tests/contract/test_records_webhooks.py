"""The contract of `Webhooks` and `Deliveries`: written with the move, leased once, fenced."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest

from tests.support.facts import NOW, after
from uploads.documents.events import NAMES
from uploads.documents.model import Document, State
from uploads.documents.webhooks import (
    Attempt,
    Delivery,
    DeliveryState,
    Lease,
    SealedSecret,
    Webhook,
)
from uploads.records.sql import SqlRecords

AT_ONCE = 10
Add = Callable[..., Document]
FAILED = Attempt(after(3), None, "timeout", 10.0)


def webhook(webhook_id: str = "whk_1", **changes: Any) -> Webhook:
    values: dict[str, Any] = {
        "id": webhook_id,
        "owner_id": "usr_1",
        "url": "https://example.org/hook",
        "events": NAMES,
        "secrets": (SealedSecret("new"), SealedSecret("old", after(60))),
        "created_at": NOW,
    }
    return Webhook(**{**values, **changes})


@pytest.fixture
def hooked(owned: SqlRecords, add: Add) -> SqlRecords:
    """Records with one webhook, one document that is being scanned, and one of somebody else."""
    assert owned.write(lambda work: work.webhooks.add(webhook(), 10))
    add(state=State.SCANNING)
    add("doc_2", owner_id="usr_2", state=State.SCANNING)
    return owned


def settle(records: SqlRecords, state: State = State.CLEAN, name: str = "doc_1") -> list[str]:
    def unit(work: Any) -> list[str]:
        assert work.documents.move(name, {State.SCANNING}, state, NOW)
        return list(work.documents.woken)

    return records.write(unit)


def deliveries(records: SqlRecords, webhook_id: str = "whk_1") -> list[Delivery]:
    return list(records.read(lambda work: work.deliveries.page(webhook_id, 100, None)))


def leased(records: SqlRecords, seconds: float = 0) -> Lease | None:
    now = after(seconds)
    return records.write(
        lambda work: work.deliveries.lease("whk_1", now, now + timedelta(seconds=30))
    )


def due(records: SqlRecords, seconds: float = 0) -> list[str]:
    return list(records.read(lambda work: work.deliveries.due(after(seconds), 100)))


def test_what_was_added_comes_back_to_its_owner_alone(hooked: SqlRecords) -> None:
    assert hooked.read(lambda work: work.webhooks.get("usr_1", "whk_1")) == webhook()
    assert hooked.read(lambda work: work.webhooks.page("usr_1", 9, None)) == [webhook()]
    assert hooked.read(lambda work: work.webhooks.page("usr_2", 9, None)) == []
    for owner, wanted in (("usr_2", "whk_1"), ("usr_1", "whk_9"), ("usr_1", "a\x00b")):
        assert hooked.read(lambda work: work.webhooks.get(owner, wanted)) is None  # noqa: B023
        assert not hooked.write(lambda work: work.webhooks.remove(owner, wanted))  # noqa: B023
    other = replace(webhook(), url="https://b.example", events=NAMES[:1], disabled_at=after(1))
    hooked.write(lambda work: work.webhooks.change(other))
    assert hooked.read(lambda work: work.webhooks.get("usr_1", "whk_1")) == other


def test_at_once_no_more_are_made_than_there_may_be(owned: SqlRecords) -> None:
    start = Barrier(AT_ONCE)

    def make(number: int) -> bool:
        start.wait(timeout=60)
        return owned.write(lambda work: work.webhooks.add(webhook(f"whk_{number}"), 3))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert sum(pool.map(make, range(AT_ONCE))) == 3


def test_a_move_leaves_a_delivery_for_each_webhook_that_wants_it(hooked: SqlRecords) -> None:
    for other in (
        webhook("whk_2", events=("document.infected",)),
        webhook("whk_3", disabled_at=NOW, disabled_reason="gone"),
        webhook("whk_4", owner_id="usr_2"),
        webhook("whk_5"),
    ):
        assert hooked.write(lambda work: work.webhooks.add(other, 10))  # noqa: B023
    assert settle(hooked) == ["whk_1", "whk_5"]
    (made,) = deliveries(hooked)
    assert (made.event, made.document_id, made.state) == ("document.clean", "doc_1", "pending")
    assert made.facts["state"] == "clean"
    assert len({made.id, deliveries(hooked, "whk_5")[0].id}) == 2
    assert [len(deliveries(hooked, f"whk_{n}")) for n in (2, 3, 4)] == [0, 0, 0]
    assert due(hooked) == ["whk_1", "whk_5"]


@pytest.mark.parametrize(
    ("was", "state", "event"),
    [
        (State.CLEAN, State.QUARANTINED, "document.withdrawn"),
        (State.SCANNING, State.QUARANTINED, None),
        (State.QUARANTINED, State.SCANNING, None),
        (State.CLEAN, State.INFECTED, "document.infected"),
        (State.INFECTED, State.RELEASED, "document.released"),
        (State.SCANNING, State.FAILED, "document.failed"),
        (State.CLEAN, State.DELETED, "document.deleted"),
        (State.REJECTED, State.EXPIRED, "document.expired"),
    ],
)
def test_each_move_has_its_word(
    hooked: SqlRecords, add: Add, was: State, state: State, event: str | None
) -> None:
    add("doc_3", state=was)
    # From several states at once: which of them it was is found out, not guessed.
    before = {was, State.CLEAN} if state is State.QUARANTINED else {was}
    assert hooked.write(lambda work: work.documents.move("doc_3", before, state, NOW))
    assert [one.event for one in deliveries(hooked)] == ([event] if event else [])


def test_nothing_is_left_to_deliver_of_what_was_not_committed(hooked: SqlRecords) -> None:
    def breaks(work: Any) -> None:
        work.documents.move("doc_1", {State.SCANNING}, State.CLEAN, NOW)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        hooked.write(breaks)
    assert deliveries(hooked) == []


def test_no_id_comes_again_where_the_database_is_as_it_was_before(hooked: SqlRecords) -> None:
    """As after a backup was restored: receivers would take what is new for what they know."""
    ids: list[str] = []

    def unit(work: Any) -> None:
        assert work.documents.move("doc_1", {State.SCANNING}, State.CLEAN, NOW)
        ids.extend(one.id for one in work.deliveries.page("whk_1", 9, None))
        if len(ids) == 1:
            raise KeyError

    with pytest.raises(KeyError):
        hooked.write(unit)
    hooked.write(unit)
    assert len(set(ids)) == 2


def test_what_waits_of_a_deleted_document_tells_no_name(hooked: SqlRecords) -> None:
    settle(hooked)
    gone = {"name": "", "sha256": None}
    hooked.write(
        lambda work: work.documents.move("doc_1", {State.CLEAN}, State.DELETED, NOW, **gone)
    )
    assert {one.facts["name"] for one in deliveries(hooked)} == {None}
    assert {one.event for one in deliveries(hooked)} == {"document.clean", "document.deleted"}


def test_deliveries_outlive_their_document_and_not_their_webhook(hooked: SqlRecords) -> None:
    settle(hooked)
    hooked.write(lambda work: work.documents.remove("doc_1"))
    assert len(deliveries(hooked)) == 1
    assert hooked.write(lambda work: work.webhooks.remove("usr_1", "whk_1"))
    assert deliveries(hooked) == []


def test_of_many_one_gets_the_lease_and_the_next_when_it_has_run_out(hooked: SqlRecords) -> None:
    settle(hooked)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = [one for one in pool.map(lambda _: leased(hooked), range(AT_ONCE)) if one]
    assert len(found) == 1
    assert (due(hooked), due(hooked, 31)) == ([], ["whk_1"])
    second = leased(hooked, 31)
    assert second is not None
    assert not hooked.write(lambda work: work.deliveries.renew(found[0], after(99)))
    hooked.write(lambda work: work.deliveries.release(found[0]))
    assert due(hooked, 40) == []
    hooked.write(lambda work: work.deliveries.release(second))
    assert due(hooked, 40) == ["whk_1"]


def test_only_the_lease_that_holds_writes_attempts_down(hooked: SqlRecords) -> None:
    settle(hooked)
    late, (delivery,) = leased(hooked), deliveries(hooked)
    lease = leased(hooked, 31)
    assert late is not None
    assert lease is not None

    def note(by: Lease) -> bool:
        state = DeliveryState.DELIVERED
        return hooked.write(lambda work: work.deliveries.note(by, delivery, FAILED, state, NOW))

    assert not note(late)
    hooked.write(lambda work: work.deliveries.put_off(late, after(40), after(999)))
    assert deliveries(hooked) == [delivery]
    assert note(lease)
    (noted,) = deliveries(hooked)
    assert (noted.state, noted.tries, noted.attempts) == ("delivered", 1, (FAILED,))
    assert due(hooked, 99) == []


def test_what_is_asked_for_anew_meanwhile_stays_due(hooked: SqlRecords) -> None:
    settle(hooked)
    lease, (delivery,) = leased(hooked), deliveries(hooked)
    assert lease is not None
    hooked.write(lambda work: work.deliveries.repeat(delivery.id, after(5)))
    state = DeliveryState.DELIVERED
    noted = hooked.write(lambda work: work.deliveries.note(lease, delivery, FAILED, state, NOW))
    assert not noted
    (again,) = deliveries(hooked)
    assert (again.state, again.due_since, again.tries) == ("pending", after(5), 0)


def test_an_unreachable_receivers_deliveries_wait_or_end_together(
    hooked: SqlRecords, add: Add
) -> None:
    settle(hooked)
    add("doc_3", state=State.SCANNING)
    assert hooked.write(
        lambda work: work.documents.move("doc_3", {State.SCANNING}, State.CLEAN, after(2))
    )
    lease = leased(hooked, 3)
    assert lease is not None
    taken = hooked.read(lambda work: work.deliveries.take(lease, after(3), 9))
    assert [one.document_id for one in taken] == ["doc_1", "doc_3"]
    hooked.write(lambda work: work.deliveries.give_up(lease, FAILED, after(1), 9))
    hooked.write(lambda work: work.deliveries.put_off(lease, after(3), after(50)))
    hooked.write(lambda work: work.deliveries.release(lease))
    assert leased(hooked, 49) is None, "what comes meanwhile wakes nobody either"
    newer, older = deliveries(hooked)
    assert (older.state, older.attempts) == ("given-up", (FAILED,))
    assert (newer.state, newer.not_before, newer.attempts) == ("pending", after(50), ())
    assert (due(hooked, 49), due(hooked, 50)) == ([], ["whk_1"])


@pytest.mark.parametrize("strange", ["a\x00", "\udc00"])
def test_behind_what_no_database_can_hold_there_is_nothing(
    hooked: SqlRecords, strange: str
) -> None:
    settle(hooked)
    before = (after(99), strange)
    assert hooked.read(lambda work: work.webhooks.page("usr_1", 9, before)) == []
    assert hooked.read(lambda work: work.deliveries.page("whk_1", 9, before)) == []


def test_a_disabled_webhook_waits_and_old_deliveries_go(hooked: SqlRecords) -> None:
    settle(hooked)
    lease = leased(hooked)
    assert lease is not None
    hooked.write(lambda work: work.deliveries.disable(lease, after(1), "gone"))
    hooked.write(lambda work: work.deliveries.release(lease))
    assert (due(hooked, 9), leased(hooked, 9)) == ([], None)
    found = hooked.read(lambda work: work.webhooks.get("usr_1", "whk_1"))
    assert found is not None
    assert (found.disabled_at, found.disabled_reason) == (after(1), "gone")
    assert hooked.read(lambda work: work.deliveries.overdue(after(9), 9)) == []
    hooked.write(lambda work: work.webhooks.change(webhook()))
    assert hooked.read(lambda work: work.deliveries.overdue(after(9), 9)) == [
        deliveries(hooked)[0].id
    ]
    assert hooked.write(lambda work: work.deliveries.remove_before(NOW, 9)) == 0
    assert hooked.write(lambda work: work.deliveries.remove_before(after(1), 9)) == 1


def test_nobody_who_is_locked_out_is_told_anything(hooked: SqlRecords) -> None:
    settle(hooked)
    hooked.write(lambda work: work.accounts.set_disabled("usr_1", after(1)))
    assert (due(hooked, 9), leased(hooked, 9)) == ([], None)
    assert hooked.read(lambda work: work.deliveries.backlog(after(9))) == (0, None)
    assert hooked.read(lambda work: work.deliveries.overdue(after(9), 9)) == []
    hooked.write(lambda work: work.accounts.set_disabled("usr_1", None))
    assert due(hooked, 9) == ["whk_1"]
    assert leased(hooked, 9) is not None


def test_of_each_owner_one_comes_before_the_second_of_anybody(owned: SqlRecords) -> None:
    for waits, name in enumerate(["whk_1", "whk_2", "whk_3", "whk_4"]):
        owner, at = "usr_2" if name == "whk_4" else "usr_1", after(waits)
        one = Delivery(name, name, "test", None, NOW, {}, NOW, at, at)
        owned.write(lambda work: work.webhooks.add(webhook(name, owner_id=owner), 10))  # noqa: B023
        owned.write(lambda work: work.deliveries.add(one))  # noqa: B023
    assert due(owned, 9) == ["whk_1", "whk_4", "whk_2", "whk_3"]
    assert owned.read(lambda work: work.deliveries.owner("whk_4")) == "usr_2"
    assert owned.read(lambda work: work.deliveries.owner("whk_5")) is None
