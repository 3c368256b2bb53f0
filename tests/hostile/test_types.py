"""Structure at the real door: the documented code, the worker's word, and nothing left behind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import endings, hostile_archives, hostile_files, leftovers, samples
from tests.support.people import Person
from tests.support.stack import Stack
from tests.unit.test_readers import LEFT_TO_THE_WORKER
from uploads.documents.policy import Policy

# Nothing of this has to do with the database: once is enough.
pytestmark = pytest.mark.one_database

HOSTILE = {
    **endings.foreign_endings(),
    **hostile_archives.archives(),
    **hostile_files.documents(),
    **hostile_files.others(),
}
# What a stream cannot show ends as rejected: one of each kind, by the worker.
BY_THE_WORKER = ("zip in png", "zip in box", "lying size", "xxe", "zip behind tiff", "rtf object")
ENDINGS = {kind.type: kind.extensions[0] for kind in Policy(max_bytes=1).types}


@pytest.fixture
def nothing_kept(stack: Stack) -> Iterator[None]:
    with leftovers.nothing_kept(stack):
        yield


def refusal(answer: Any) -> tuple[int, str, str | None]:
    problem = answer.json()
    return answer.status_code, problem["code"], problem.get("reason")


@pytest.mark.usefixtures("nothing_kept")
def test_what_the_door_can_see_is_refused_there(alice: Person) -> None:
    """A type that disagrees is 415, a structure that would not pass is 422 with its reason."""
    for label, (media_type, data, reason) in HOSTILE.items():
        if label in LEFT_TO_THE_WORKER:
            continue
        found = refusal(alice.post(f"a.{ENDINGS[media_type]}", data))
        # Content that is not even begun like its ending says is another type, not a damaged one.
        assert found in {
            (422, "malformed-file", reason),
            (415, "type-mismatch", None),
        }, (label, found)
        assert (found[0] == 422) or reason in {"type-mismatch", "malformed-file"}, (label, found)


@pytest.mark.parametrize("label", BY_THE_WORKER)
def test_what_the_door_cannot_see_the_worker_rejects(alice: Person, label: str) -> None:
    """With the same words, after the 202."""
    media_type, data, reason = HOSTILE[label]
    found = alice.settle(alice.upload(f"a.{ENDINGS[media_type]}", data))
    assert (found["state"], found["verdict"]["reason"]) == ("rejected", reason)
    assert alice.api.get(f"/documents/{found['id']}/content").status_code == 409


@pytest.mark.usefixtures("nothing_kept")
def test_a_bomb_is_refused_before_its_body_has_come(alice: Person) -> None:
    """Sixty thousand pixels square: the answer does not wait for the other megabytes."""

    def slowly() -> Iterator[bytes]:
        yield hostile_files.png(60_000, 60_000)[:33] + bytes(600_000)
        for _ in range(20):
            yield bytes(1024 * 1024)

    found = alice.api.post("/documents", params={"name": "a.png"}, content=slowly())
    assert refusal(found) == (422, "malformed-file", "bomb")


def test_a_file_in_a_form_is_judged_like_one_in_a_body(alice: Person) -> None:
    """Both doors use the same eyes."""
    data = samples.png() + b"text"
    as_body = alice.api.post("/documents", params={"name": "a.png"}, content=data)
    assert refusal(as_body) == refusal(alice.post("a.png", data))
    assert refusal(as_body) == (422, "malformed-file", "trailing-data")
    assert "behind the end" in as_body.json()["detail"]
