"""What is told of many files where a part of the service is away."""

from __future__ import annotations

import pytest

from uploads.documents.errors import (
    StillRunning,
    StorageUnavailable,
    TypeNotAllowed,
    UploadsError,
)
from uploads.side_by_side import each_of


def act(error: UploadsError | None) -> str:
    if error is not None:
        raise error
    return "made"


def test_where_nothing_can_be_done_all_is_refused() -> None:
    """So that it is tried again as one, and kept under no key."""
    first = StorageUnavailable("away")
    with pytest.raises(StorageUnavailable) as caught:
        each_of(act, [first, StorageUnavailable("still away")], 8)
    assert caught.value is first


@pytest.mark.parametrize("other", [None, TypeNotAllowed("a/b", [])])
def test_where_something_was_said_of_one_it_stands_beside_the_rest(
    other: UploadsError | None,
) -> None:
    away = StorageUnavailable("away")
    assert each_of(act, [other, away], 8) == ["made" if other is None else other, away]


def test_what_nobody_foresaw_takes_no_other_file_along() -> None:
    def breaks(number: int) -> str:
        if number == 1:
            raise KeyError(number)
        return "made"

    found = each_of(breaks, [0, 1, 2], 8)
    assert [found[0], found[2]] == ["made", "made"]
    assert isinstance(found[1], UploadsError)
    assert (found[1].code, isinstance(found[1].__cause__, KeyError)) == ("internal", True)


def test_where_the_same_is_under_way_for_one_all_is_asked_for_again() -> None:
    """With when to come again, which no item says."""
    with pytest.raises(StillRunning):
        each_of(act, [None, StillRunning()], 8)


def test_a_part_that_is_away_is_not_waited_for_by_each() -> None:
    tried: list[int] = []

    def waits(number: int) -> str:
        tried.append(number)
        raise StorageUnavailable("away")

    with pytest.raises(StorageUnavailable):
        each_of(waits, range(50), 8)
    assert tried == [0]
