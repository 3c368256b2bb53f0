"""What the schedule does in one task: none of it waits for ever behind another that fails."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import cast

import pytest

from uploads.documents.errors import RecordsUnavailable, StorageUnavailable
from workers.in_turn import each_in_turn
from workers.runtime import Runtime

REFUSED = StorageUnavailable("an object that cannot be deleted")
BROKEN = KeyError("a mistake of ours")
VERBS = ("sweep", "expire", "try_changed", "withdraw", "reap", "rescan")


def raising(error: Exception) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


@pytest.mark.parametrize("error", [REFUSED, BROKEN])
@pytest.mark.parametrize("failing", VERBS)
def test_what_fails_keeps_nobody_from_a_turn_and_is_told(error: Exception, failing: str) -> None:
    done: list[str] = []
    acts = {verb: partial(done.append, verb) for verb in VERBS}
    runtime = SimpleNamespace(**{**acts, failing: raising(error)})
    with pytest.raises(type(error)):
        Runtime.do_what_is_due(cast(Runtime, runtime))
    assert done == [verb for verb in VERBS if verb != failing]


def test_all_that_failed_is_told() -> None:
    with pytest.raises(ExceptionGroup) as told:
        each_in_turn(raising(REFUSED), raising(BROKEN))
    assert told.value.exceptions == (REFUSED, BROKEN)


def test_without_the_database_none_is_tried() -> None:
    """Each would wait for it as long as the first."""
    done: list[str] = []
    with pytest.raises(RecordsUnavailable):
        each_in_turn(raising(RecordsUnavailable("away")), lambda: done.append("behind"))
    assert done == []
