"""Webhooks whose caller is killed in the middle of a call: told again, under the same id."""

from __future__ import annotations

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
