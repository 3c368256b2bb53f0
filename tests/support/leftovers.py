"""What a refused upload leaves behind: nothing, and it is the door that saw to that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.invariants import invariants
from tests.support.people import PATIENCE
from tests.support.processes import standing_still
from tests.support.stack import Stack
from tests.support.waiting import eventually


@contextmanager
def nothing_kept(stack: Stack) -> Iterator[None]:
    """Fails when a row, an object or a temporary file is there that was not before.

    Meanwhile nobody sweeps, however long it takes: what is gone in the end the door took back.
    """
    stack.rest()
    invariants(stack)
    before = stack.snapshot()

    def nothing_new() -> bool:
        now = stack.snapshot()
        return all(now[kind] <= before[kind] for kind in before)

    schedule = stack.named("workers.beat")
    assert schedule
    with standing_still(schedule):
        yield
        eventually(nothing_new, PATIENCE)
