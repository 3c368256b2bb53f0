"""What is told of many files where a part of the service is away."""

from __future__ import annotations

import pytest

from uploads.api.upload_batches import each_of
from uploads.documents.errors import StorageUnavailable, TypeNotAllowed, UploadsError


def act(error: UploadsError | None) -> str:
    if error is not None:
        raise error
    return "made"


def test_where_nothing_can_be_done_all_is_refused() -> None:
    """So that it is tried again as one, and kept under no key."""
    first = StorageUnavailable("away")
    with pytest.raises(StorageUnavailable) as caught:
        each_of(act, [first, StorageUnavailable("still away")])
    assert caught.value is first


@pytest.mark.parametrize("other", [None, TypeNotAllowed("a/b", [])])
def test_where_something_was_said_of_one_it_stands_beside_the_rest(
    other: UploadsError | None,
) -> None:
    away = StorageUnavailable("away")
    assert each_of(act, [away, other]) == [away, "made" if other is None else other]


def test_what_nobody_foresaw_is_raised() -> None:
    def breaks(_: int) -> str:
        raise KeyError

    with pytest.raises(KeyError):
        each_of(breaks, [1, 2])
