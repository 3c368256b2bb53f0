"""A digest that is promised with the completion counts like one that was promised before."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.granted import DIGEST, give, put, state
from tests.support.line import Line
from uploads.documents.errors import Invalid
from uploads.documents.grants import GrantState
from uploads.documents.model import Document, State

OTHER = "0" * 64


@pytest.fixture
def promise(line: Line) -> Callable[[str, str | None], Document]:
    def complete(grant_id: str, sha256: str | None) -> Document:
        return line.completion.complete(line.actor, grant_id, sha256)

    return complete


Promise = Callable[[str, str | None], Document]


@pytest.mark.parametrize(("promised", "ends"), [(DIGEST, State.CLEAN), (OTHER, State.REJECTED)])
def test_the_worker_holds_the_file_against_a_late_promise(
    promised: str, ends: State, line: Line, promise: Promise
) -> None:
    grant = give(line)
    put(line, grant)
    document = promise(grant.id, promised)
    line.runner.run(line.job_of(document))
    assert line.document(document.id).state is ends


def test_another_promise_than_the_first_makes_nothing_and_ends_nothing(
    line: Line, promise: Promise
) -> None:
    grant = give(line, expected_sha256=DIGEST)
    put(line, grant)
    with pytest.raises(Invalid):
        promise(grant.id, OTHER)
    assert state(line, grant) is GrantState.OPEN
    assert line.hints.jobs == []
    assert promise(grant.id, DIGEST).promised_sha256 == DIGEST


@pytest.mark.parametrize("first", [None, DIGEST])
def test_a_promise_cannot_be_changed_or_made_after_the_completion(
    first: str | None, line: Line, promise: Promise
) -> None:
    grant = give(line)
    put(line, grant)
    document = promise(grant.id, first)
    with pytest.raises(Invalid):
        promise(grant.id, OTHER)
    assert [promise(grant.id, same).id for same in (first, None)] == [document.id] * 2
