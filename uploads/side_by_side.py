"""The same act for several things of one request, among greenlets of its thread.

What waits in one of them (the store, a commit) lets the others go on, so that they share commits
and connections as requests do that come at the same time. Without gevent it is one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import copy_context
from typing import TypeVar

from gevent.pool import Pool

from uploads.lanes import among_greenlets

A = TypeVar("A")
T = TypeVar("T")


def side_by_side(act: Callable[[A], T], things: Sequence[A], most: int) -> list[T]:
    """What `act` makes of each, in their order, `most` of them at a time.

    Raises what `act` raises, once all have ended.
    """
    if not among_greenlets() or len(things) == 1:
        return [act(one) for one in things]
    pool = Pool(min(most, len(things)))
    greenlets = [pool.spawn(copy_context().run, act, one) for one in things]
    pool.join()
    return [greenlet.get() for greenlet in greenlets]
