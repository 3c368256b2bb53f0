"""Streams of events over real HTTP: told in order, taken up again, bounded, ended."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.support.grants import TEXT, refusal
from tests.support.newcomers import newcomer
from tests.support.people import PATIENCE, Person
from tests.support.stack import Stack
from tests.support.streams import Told, states, streaming
from tests.support.waiting import eventually
from uploads.documents.model import Scope


@pytest.fixture
def ines(stack: Stack) -> Person:
    return newcomer(stack, "ines")


def test_a_stream_tells_each_state_as_the_document_was(stack: Stack, ines: Person) -> None:
    with streaming(ines) as told:
        assert next(told).id == "0"
        document_id = ines.upload("a.txt", TEXT)
        found = states(told, document_id, "clean")
        assert found[0].state == "quarantined"
        assert [int(one.id or 0) for one in found] == sorted(int(one.id or 0) for one in found)
        # Its picture comes after its state.
        assert {**ines.document(document_id), "renditions": []} == found[-1].data
        # Somebody else's are not among them.
        stranger = newcomer(stack, "iris").upload("b.txt", TEXT)
        ines.discard(document_id)
        (gone,) = states(told, document_id, "deleted")
        assert (gone.data["name"], gone.data["id"] == stranger) == (None, False)


def test_a_stream_is_taken_up_again_without_loss(ines: Person) -> None:
    """Whoever comes back behind any event hears exactly those after it."""
    names = [ines.upload(f"{number}.txt", TEXT) for number in range(5)]
    for name in names:
        ines.settle(name)
    everything = _all_of(ines, "0")
    ids = [int(one.id or 0) for one in everything]
    assert ids == sorted(set(ids))
    for place in (0, len(everything) // 2):
        again = _all_of(ines, everything[place].id or "")
        assert again == everything[place + 1 :]


def _all_of(person: Person, last: str) -> list[Told]:
    """The events behind `last`, until nothing happens any more."""
    with streaming(person, last=last) as told:
        found = []
        for one in told:
            if one.kind == ":":
                return found
            if one.kind == "state":
                found.append(one)
    raise AssertionError("the stream ended by itself")


def test_one_documents_stream_ends_when_it_is_settled(ines: Person) -> None:
    document_id = ines.upload("a.txt", TEXT)
    with streaming(ines, f"/documents/{document_id}/events") as told:
        found = [one for one in told if one.kind == "state"]
    assert found[-1].state == "clean"
    # Settled: how it stands, and the end; behind the last one only the end.
    for last, expected in ((None, ["clean"]), (found[-1].id, [])):
        with streaming(ines, f"/documents/{document_id}/events", last=last) as told:
            assert [one.state for one in told if one.kind == "state"] == expected


def test_nothing_happening_is_said_as_well(ines: Person) -> None:
    with streaming(ines) as told:
        assert next(one for one in told if one.kind == ":")


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "9" * 30])
def test_an_id_that_is_none_is_refused(ines: Person, last: str) -> None:
    answer = ines.api.get("/events", headers={"Last-Event-ID": last})
    assert refusal(answer) == (422, "invalid")


def test_an_id_that_was_never_given_has_the_list_read_anew(ines: Person) -> None:
    """As after a backup was restored: what the client knows is not what there is."""
    document_id = ines.upload("a.txt", TEXT)
    ines.settle(document_id)
    for path in ("/events", f"/documents/{document_id}/events"):
        with streaming(ines, path, last="999999999") as told:
            assert next(told).kind == "reset"


def test_a_stream_ends_with_its_key(stack: Stack, ines: Person) -> None:
    key = stack.key(ines.email, Scope.DOCUMENTS_READ)
    with streaming(ines, Authorization=f"Bearer {key}") as told:
        next(told)
        stack.services().accounts.revoke_key(key.split(".")[1])
        for beats, _ in enumerate(told):
            assert beats < 2 * PATIENCE, "the stream goes on"


@pytest.mark.one_database
def test_one_user_has_so_many_streams_and_a_place_that_is_left_is_free(ines: Person) -> None:
    """Whichever process answers: together they have at most their sum."""
    with ExitStack() as opened:
        for _ in range(17):
            answer = opened.enter_context(ines.api.stream("GET", "/events"))
            if answer.status_code != 200:
                break
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) > 0
    eventually(_opens(ines), PATIENCE)


def _opens(person: Person) -> Callable[[], bool]:
    def look() -> bool:
        with person.api.stream("GET", "/events") as answer:
            return answer.status_code == 200

    return look
