"""API keys: what speaks for a program, and when it stops."""

from __future__ import annotations

import httpx
import pytest

from tests.support import plain
from tests.support.people import Browser, Person
from tests.support.stack import Stack

ME = "/documents"


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize(
    "header",
    ["Bearer nonsense", "Bearer upk.x.y", "Bearer", "Basic YTpi", "bearer", "Bearer upk..", "é"],
)
def test_a_key_that_is_none_is_401(stack: Stack, header: str) -> None:
    """Whatever stands in Authorization and is no key is refused in the same words."""
    answer = plain.get(
        f"{stack.base_url}/api/v1/documents", headers={"Authorization": header.encode()}
    )
    assert code(answer) == (401, "unauthenticated")
    assert "Bearer" in answer.headers["WWW-Authenticate"]


def test_a_changed_secret_is_401(alice: Person) -> None:
    """The right id with another secret is no key."""
    wrong = alice.key[:-4] + ("AAAA" if alice.key[-4:] != "AAAA" else "BBBB")
    answer = alice.api.get("/documents", headers={"Authorization": f"Bearer {wrong}"})
    assert code(answer) == (401, "unauthenticated")


@pytest.mark.parametrize("name", ["key", "token", "access_token", "api_key", "authorization"])
def test_a_key_in_the_query_or_in_a_body_is_refused(stack: Stack, alice: Person, name: str) -> None:
    """Only the header speaks for a program."""
    url = f"{stack.base_url}/api/v1/documents"
    assert code(plain.get(url, params={name: alice.key})) == (401, "unauthenticated")
    sent = plain.post(url, files={"file": ("a.txt", b"x")}, data={name: alice.key})
    assert code(sent) == (401, "unauthenticated")


def test_a_revoked_key_is_401_at_once(stack: Stack, alice: Person) -> None:
    """The next request after `uploads keys revoke` is refused."""
    key = stack.key(alice.email)
    headers = {"Authorization": f"Bearer {key}"}
    assert alice.api.get("/documents", headers=headers).status_code == 200
    revoked = stack.cli("keys", "revoke", key.split(".")[1])
    assert revoked.returncode == 0, revoked.stderr
    assert code(alice.api.get("/documents", headers=headers)) == (401, "unauthenticated")


def test_a_disabled_user_is_out_at_once(stack: Stack) -> None:
    """Keys and sessions of a disabled user end with the command."""
    mallory = stack.person("mallory")
    with mallory.browser() as browser:
        assert browser.get(ME).status_code == 200
        assert mallory.api.get("/documents").status_code == 200
        assert stack.cli("users", "disable", mallory.email).returncode == 0
        assert browser.get(ME).status_code == 303
        assert code(mallory.api.get("/documents")) == (401, "unauthenticated")
        with Browser(stack) as again:
            assert again.sign_in(mallory.email, mallory.password).status_code == 401
