"""Quotas as programs, people and operators meet them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support import raw
from tests.support.invariants import invariants
from tests.support.newcomers import newcomer, set_quota
from tests.support.people import Person
from tests.support.stack import Stack

TEXT = b"a plain text, long enough to be one\n" * 4
AT_ONCE = 50
MIB = 1024 * 1024


@pytest.fixture
def carol(stack: Stack) -> Iterator[Person]:
    """Somebody with a quota of 10 files."""
    made = newcomer(stack, "carol")
    set_quota(made, files_limit=10)
    yield made
    made.discard(*(one["id"] for one in made.documents()))


def quota(person: Person) -> dict[str, Any]:
    answer = person.api.get("/me")
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["quota"])


def test_me_names_the_caller_its_rights_and_its_room(stack: Stack, carol: Person) -> None:
    carol.upload("a.txt", TEXT)
    answer = carol.api.get("/me").json()
    assert set(answer) == {"id", "email", "role", "scopes", "quota"}
    assert answer["id"].startswith("usr_")
    assert (answer["email"], answer["role"]) == (carol.email, "user")
    assert answer["scopes"] == ["documents:read", "documents:write"]
    assert answer["quota"] == {
        "bytes_used": len(TEXT),
        "bytes_limit": stack.services().settings.quota_bytes,
        "files_used": 1,
        "files_limit": 10,
    }


def test_the_policy_says_what_the_caller_may_keep(carol: Person) -> None:
    """The limits that hold for this user, and not what the others have."""
    told, mine = carol.api.get("/policy").json()["quotas"], quota(carol)
    assert told == {limit: mine[limit] for limit in ("bytes_limit", "files_limit")}
    assert told["files_limit"] == 10


def test_me_is_for_those_who_are_known(stack: Stack, carol: Person) -> None:
    answer = carol.api.get("/me", headers={"Authorization": "Bearer upl.no.key"})
    assert answer.status_code == 401


def test_of_fifty_uploads_at_once_exactly_one_is_let_in(stack: Stack, carol: Person) -> None:
    """At one file less than the quota, over all processes; nothing is left of the others."""
    for number in range(9):
        carol.upload(f"{number}.txt", TEXT)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda n: carol.post(f"at-once-{n}.txt", TEXT), range(AT_ONCE)))
    assert sorted(one.status_code for one in answers) == [202] + [403] * (AT_ONCE - 1)
    refusal = next(one.json() for one in answers if one.status_code == 403)
    assert refusal["code"] == "quota-exceeded"
    assert (refusal["quota"], refusal["used"]) == (10, 10)
    assert quota(carol)["files_used"] == 10
    invariants(stack, carol)


def test_an_announced_size_that_does_not_fit_is_refused_before_the_body(
    stack: Stack, carol: Person
) -> None:
    """The answer comes although not one byte of the body was sent."""
    set_quota(carol, bytes_limit=MIB)
    sent = raw.head(
        "POST",
        "/api/v1/documents?name=a.txt",
        {
            "Host": f"127.0.0.1:{stack.port}",
            "Authorization": f"Bearer {carol.key}",
            "Content-Type": "text/plain",
            "Content-Length": str(MIB + 1),
        },
    )
    answer = raw.exchange(stack.port, [sent])
    assert (answer.status, answer.code) == (403, "quota-exceeded")
    assert (answer.json["quota"], answer.json["used"]) == (MIB, 0)


def test_a_chunked_body_is_refused_at_the_segment_that_does_not_fit(
    stack: Stack, carol: Person
) -> None:
    set_quota(carol, bytes_limit=6 * MIB)
    answer = carol.api.post(
        "/documents?name=a.txt",
        content=(b"a" * 65536 for _ in range(160)),
        headers={"Content-Type": "text/plain"},
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "quota-exceeded")
    assert quota(carol)["bytes_used"] == 0
    invariants(stack, carol)


def test_what_is_deleted_makes_room_at_once(carol: Person) -> None:
    set_quota(carol, files_limit=1)
    kept = carol.upload("a.txt", TEXT)
    assert carol.post("b.txt", TEXT).status_code == 403
    assert carol.api.delete(f"/documents/{kept}").status_code == 204
    assert quota(carol)["bytes_used"] == 0
    carol.upload("b.txt", TEXT)


def test_the_page_tells_what_is_used(carol: Person) -> None:
    carol.upload("a.txt", TEXT)
    with carol.browser() as browser:
        assert "144 bytes of 10 GiB and 1 of 10 files used" in browser.get("/documents").text
        set_quota(carol, bytes_limit=0, files_limit=0)
        assert 'id="room"' not in browser.get("/documents").text


@pytest.mark.one_database
def test_the_operator_sets_and_sees_a_quota(stack: Stack, carol: Person) -> None:
    shown = stack.cli("users", "quota", carol.email, "--bytes", "5GiB", "--json")
    assert json.loads(shown.stdout) == [
        {
            "email": carol.email,
            "bytes_used": 0,
            "bytes_limit": 5 * 1024**3,
            "files_used": 0,
            "files_limit": 10,
        }
    ]
    done = stack.cli("users", "quota", carol.email, "--files", "default", "--bytes", "unlimited")
    assert done.stdout.splitlines() == ["0 bytes, no limit", "0 files, at most 10,000"]
    assert quota(carol)["bytes_limit"] is None
    assert quota(carol)["files_limit"] == stack.services().settings.quota_files
