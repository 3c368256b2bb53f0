"""The same act for several things of one request, among greenlets of its thread.

What waits in one of them (the store, a commit) lets the others go on, so that they share commits
and connections as requests do that come at the same time. Without gevent it is one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import copy_context
from typing import TypeVar

from gevent.pool import Pool

from uploads.documents.errors import StillRunning, UploadsError
from uploads.errors import is_ours
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


def each_of(act: Callable[[A], T], asked: Sequence[A], most: int) -> list[T | UploadsError]:
    """What was made for each, or why nothing was.

    Raises the first of the reasons where none of them is a client's, and StillRunning where the
    same is under way for one of them: what was made meanwhile is told to who asks again. Where a
    part is away and nothing was done yet, those that have not begun do not wait for it as well.
    """
    away: list[UploadsError] = []
    answered = False

    def outcome(one: A) -> T | UploadsError:
        nonlocal answered
        if away and not answered:
            return away[0]
        try:
            found: T | UploadsError = act(one)
        except UploadsError as error:
            found = error
        except Exception as error:  # noqa: BLE001 -- logged with what is told; others are granted
            found = UploadsError()
            found.__cause__ = error
        if isinstance(found, UploadsError) and is_ours(found):
            away.append(found)
        else:
            answered = True
        return found

    found = side_by_side(outcome, asked, most)
    for each in found:
        if isinstance(each, StillRunning) or (isinstance(each, UploadsError) and not answered):
            raise each
    return found
