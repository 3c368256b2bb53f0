"""A grant's arithmetic: its parts cover the file exactly, and its keys are its own."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.facts import NOW
from uploads.documents.errors import Conflict, Gone, UploadExpired, UploadsError
from uploads.documents.grants import (
    MIB,
    MOST_PARTS,
    PART_BYTES,
    Grant,
    GrantMethod,
    GrantState,
    grant_id_of,
    part_size_for,
)


def grant(
    size: int, method: GrantMethod = GrantMethod.MULTIPART, state: GrantState = GrantState.OPEN
) -> Grant:
    return Grant(
        id="upl_abc",
        owner_id="usr_1",
        name="a.mp4",
        size=size,
        declared_type=None,
        type="video/mp4",
        sha256=None,
        method=method,
        part_size=part_size_for(method, size),
        state=state,
        created_at=NOW,
        expires_at=NOW + timedelta(days=1),
    )


@given(st.integers(1, 2**45), st.sampled_from(GrantMethod))
@example(PART_BYTES, GrantMethod.MULTIPART)
@example(PART_BYTES + 1, GrantMethod.MULTIPART)
@example(PART_BYTES * MOST_PARTS, GrantMethod.MULTIPART)
@example(PART_BYTES * MOST_PARTS + 1, GrantMethod.MULTIPART)
def test_the_parts_lie_end_to_end_and_cover_the_file(size: int, method: GrantMethod) -> None:
    made = grant(size, method)
    last = made.part(made.part_count)
    assert made.part(1).offset == 0
    assert last.offset + last.size == size
    assert 1 <= last.size <= made.part_size
    assert 1 <= made.part_count <= MOST_PARTS
    if made.part_count > 1:
        assert made.part_size % MIB == 0
        assert made.part(2).offset == made.part(1).size == made.part_size


def test_one_put_is_one_part() -> None:
    made = grant(5_000_000, GrantMethod.PUT)
    assert [(n, part.offset, part.size) for n, part in made.parts()] == [(1, 0, 5_000_000)]


def test_a_grant_knows_its_keys_and_no_others() -> None:
    made = grant(3 * PART_BYTES)
    keys = [part.key for _, part in made.parts()]
    assert keys == ["abc/00001", "abc/00002", "abc/00003"]
    assert all(made.has_key(key) for key in keys)
    assert {grant_id_of(key) for key in keys} == {made.id}
    strange = ["abc/00000", "abc/00004", "abc/0001", "abc/000001", "abd/00001", "abc/+0001"]
    assert not any(made.has_key(key) for key in [*strange, "abc/0000²", "abc/", ""])


@pytest.mark.parametrize(
    ("state", "after", "raised"),
    [
        (GrantState.OPEN, timedelta(days=1), UploadExpired),
        (GrantState.EXPIRED, timedelta(0), UploadExpired),
        (GrantState.ABORTED, timedelta(days=2), Gone),
        (GrantState.COMPLETED, timedelta(days=2), Conflict),
    ],
)
def test_only_an_open_grant_whose_time_is_not_over_goes_on(
    state: GrantState, after: timedelta, raised: type[UploadsError]
) -> None:
    with pytest.raises(raised):
        grant(1, state=state).check_open(NOW + after)
    grant(1).check_open(NOW + timedelta(days=1) - timedelta(milliseconds=1))
