"""/keys: made once, shown once, never with more rights or more life than their maker has."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.support.grants import refusal
from tests.support.newcomers import newcomer
from tests.support.people import Person
from tests.support.stack import Stack
from uploads.documents.model import Scope

READ = {"name": "reader", "scopes": ["documents:read"]}


@pytest.fixture
def kate(stack: Stack) -> Person:
    return newcomer(stack, "kate")


def make(person: Person, key: str | None = None, **members: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return person.api.post("/keys", json={**READ, **members}, headers=headers)


def by(person: Person, key: str, path: str = "/documents") -> httpx.Response:
    return person.api.get(path, headers={"Authorization": f"Bearer {key}"})


def in_(**time: float) -> str:
    return (datetime.now(UTC) + timedelta(**time)).isoformat()


def test_a_key_works_until_it_is_revoked(kate: Person) -> None:
    made = make(kate).json()
    assert (made["scopes"], made["expires_at"], made["revoked_at"]) == (READ["scopes"], None, None)
    assert by(kate, made["secret"]).status_code == 200
    assert refusal(make(kate, made["secret"])) == (403, "forbidden")
    assert kate.api.delete(f"/keys/{made['id']}").status_code == 204
    assert kate.api.delete(f"/keys/{made['id']}").status_code == 204
    assert refusal(by(kate, made["secret"])) == (401, "unauthenticated")
    listed = kate.api.get("/keys").json()["items"]
    assert listed[0]["id"] == made["id"]
    assert listed[0]["revoked_at"] is not None
    assert made["secret"].split(".")[-1] not in kate.api.get("/keys").text


def test_no_key_has_more_than_its_maker(stack: Stack, kate: Person) -> None:
    """Neither rights nor life: what is made with a key that ends, ends with it."""
    answer = make(kate, scopes=["documents:read", "admin"])
    assert answer.json()["errors"][0]["pointer"] == "/scopes"
    writer = make(kate, scopes=["documents:read", "documents:write"], expires_at=in_(days=1)).json()
    for wanted in ({}, {"expires_at": in_(days=9)}):
        made = make(kate, writer["secret"], **wanted).json()
        assert made["expires_at"] == writer["expires_at"]
    sooner = in_(hours=1)
    made = make(kate, writer["secret"], expires_at=sooner).json()
    assert made["expires_at"] < writer["expires_at"]
    only = stack.key(kate.email, Scope.DOCUMENTS_WRITE)
    assert make(kate, only).json()["errors"][0]["pointer"] == "/scopes"


def test_what_a_key_made_ends_with_it(kate: Person) -> None:
    """Revoked with it, and what that one made as well; what the same user made otherwise stays."""
    writer = ["documents:read", "documents:write"]
    first = make(kate, scopes=writer).json()
    second = make(kate, first["secret"], scopes=writer).json()
    third = make(kate, second["secret"]).json()
    other = make(kate).json()
    assert kate.api.delete(f"/keys/{first['id']}").status_code == 204
    answers = [by(kate, one["secret"]).status_code for one in (first, second, third, other)]
    assert answers == [401, 401, 401, 200]


@pytest.mark.one_database
def test_a_page_makes_keys_with_its_token_alone(kate: Person) -> None:
    with kate.browser() as browser:
        assert refusal(browser.post("/api/v1/keys", json=READ)) == (403, "csrf")
        headers = {"X-CSRF-Token": browser.token("/documents")}
        made = browser.post("/api/v1/keys", json=READ, headers=headers)
        assert made.status_code == 201
        assert by(kate, made.json()["secret"]).status_code == 200


@pytest.mark.one_database
def test_made_once_under_one_idempotency_key_and_told_without_the_secret(kate: Person) -> None:
    headers = {"Idempotency-Key": "once"}
    first, second = (kate.api.post("/keys", json=READ, headers=headers) for _ in range(2))
    assert second.json() == {**first.json(), "secret": None}
    assert first.json()["secret"].startswith("upk.")
    assert len(kate.api.get("/keys").json()["items"]) == 2


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": "a\nb"}, "/name"),
        ({"scopes": []}, "/scopes"),
        ({"scopes": ["root"]}, "/scopes/0"),
        ({"expires_at": "tomorrow"}, "/expires_at"),
        ({"expires_at": "2027-01-31"}, "/expires_at"),
        ({"expires_at": "2027-01-31T12:00:00"}, "/expires_at"),
        ({"expires_at": "2020-01-31T12:00:00Z"}, "/expires_at"),
        ({"expires_at": "0001-01-01T00:00:00+14:00"}, "/expires_at"),
        ({"user_id": "usr_1"}, "/user_id"),
    ],
)
def test_a_wrong_member_is_pointed_at(kate: Person, members: dict[str, Any], pointer: str) -> None:
    answer = make(kate, **members)
    assert refusal(answer) == (422, "invalid")
    assert [one["pointer"] for one in answer.json()["errors"]] == [pointer]
    assert len(kate.api.get("/keys").json()["items"]) == 1


@pytest.mark.one_database
def test_lists_have_pages(kate: Person) -> None:
    made = [make(kate).json()["id"] for _ in range(3)]
    page = kate.api.get("/keys?limit=2").json()
    rest = kate.api.get(f"/keys?limit=2&cursor={page['next_cursor']}").json()
    assert [one["id"] for one in page["items"] + rest["items"]][:3] == made[::-1]
    assert rest["next_cursor"] is None


@pytest.mark.one_database
def test_the_command_makes_keys_that_end(stack: Stack, kate: Person) -> None:
    made = stack.cli(
        *("keys", "create", "--user", kate.email, "--scope", "documents:read"),
        *("--expires-in", "30"),
    )
    assert made.returncode == 0, made.stderr
    key = made.stdout.split()[-1]
    assert by(kate, key).status_code == 200
    shown = next(o for o in kate.api.get("/keys").json()["items"] if o["id"] == key.split(".")[1])
    ends = datetime.fromisoformat(shown["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=29) < ends <= timedelta(days=30)
