"""Webhooks whose caller is killed in the middle of a call: told again, under the same id."""

from __future__ import annotations

from threading import Event

import pytest

from tests.support.grants import TEXT
from tests.support.invariants import invariants
from tests.support.newcomers import newcomer
from tests.support.people import PATIENCE
from tests.support.receiver import Call, receiving
from tests.support.stack import Stack
from tests.support.waiting import eventually


def test_a_courier_killed_in_a_call_leaves_nothing_untold(stack: Stack) -> None:
    """The receiver has heard it, nobody has written that down: it hears it once more."""
    mara = newcomer(stack, "mara")
    with receiving() as receiver:

        def killing(_: Call) -> int:
            if len(receiver.calls) == 1:
                for process in stack.named("workers.courier.app"):
                    process.kill()
            return 204

        receiver.answer = killing
        hook = mara.api.post("/webhooks", json={"url": receiver.url}).json()
        document_id = mara.upload("a.txt", TEXT)

        def delivered() -> bool:
            listed = mara.api.get(f"/webhooks/{hook['id']}/deliveries").json()["items"]
            return [one["state"] for one in listed] == ["delivered"]

        eventually(delivered, 2 * PATIENCE)
        calls = receiver.of(document_id)
        assert len(calls) >= 2
        assert len({call.id for call in calls}) == 1
        assert calls[-1].verified(hook["secret"])["type"] == "document.clean"
    assert mara.api.delete(f"/webhooks/{hook['id']}").status_code == 204
    invariants(stack, mara)


@pytest.mark.one_database
def test_receivers_that_hang_delay_none_of_another_user(stack: Stack) -> None:
    """All of one user's ten, and none of them has been asked for long when the other is told."""
    slow, quick = newcomer(stack, "slow"), newcomer(stack, "quick")
    over = Event()
    with receiving() as hanging, receiving() as receiver:
        hanging.answer = lambda _: 204 if over.wait(PATIENCE) else 500
        for _ in range(10):
            assert slow.api.post("/webhooks", json={"url": hanging.url}).status_code == 201
        assert quick.api.post("/webhooks", json={"url": receiver.url}).status_code == 201
        slow.settle(slow.upload("a.txt", TEXT))
        eventually(lambda: hanging.calls, PATIENCE)
        document_id = quick.upload("b.txt", TEXT)
        eventually(lambda: receiver.of(document_id), PATIENCE)
        assert len(hanging.calls) < 8, "no thread was left for the other"
        over.set()
    for person in (slow, quick):
        for hook in person.api.get("/webhooks").json()["items"]:
            person.api.delete(f"/webhooks/{hook['id']}")
