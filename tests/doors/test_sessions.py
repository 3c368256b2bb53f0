"""Signing in and out: sessions are made, kept and ended on the server."""

from __future__ import annotations

import httpx
import pytest

from tests.support import plain
from tests.support.people import Browser, Person
from tests.support.stack import Stack

ME = "/documents"


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_signing_in_makes_a_new_session(stack: Stack, alice: Person) -> None:
    """The cookie is out of scripts' reach, random, and another one each time."""
    with Browser(stack) as browser:
        answer = browser.sign_in(alice.email, alice.password)
        assert answer.status_code == 303
        cookie = next(c for c in answer.headers.get_list("Set-Cookie") if c.startswith("session="))
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        first = browser.cookies["session"]
        assert len(first) >= 32
    with alice.browser() as other:
        assert other.cookies["session"] != first


def test_a_browser_is_known_after_signing_in_and_out(stack: Stack, alice: Person) -> None:
    """By a cookie that opens nothing, names nobody, and is not made by a wrong password."""
    with Browser(stack) as browser:
        assert browser.sign_in(alice.email, "not the password").status_code == 401
        assert "device" not in browser.cookies
        answer = browser.sign_in(alice.email, alice.password)
        (cookie,) = (c for c in answer.headers.get_list("Set-Cookie") if c.startswith("device="))
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert alice.email not in cookie
        known = browser.cookies["device"]
        browser.post("/sign-out", data={"csrf_token": browser.token(ME)})
        assert browser.cookies["device"] == known
        assert browser.get(ME).status_code == 303


def test_a_session_that_was_signed_out_is_over(stack: Stack, alice: Person) -> None:
    """After signing out the old cookie opens nothing, whoever kept it."""
    with alice.browser() as browser:
        kept = browser.cookies["session"]
        answer = browser.post("/sign-out", data={"csrf_token": browser.token(ME)})
        assert answer.status_code == 303
    replayed = plain.get(
        f"{stack.base_url}/api/v1/documents", headers={"Cookie": f"session={kept}"}
    )
    assert code(replayed) == (401, "unauthenticated")


def test_signing_in_again_ends_the_session_before(stack: Stack, alice: Person) -> None:
    """One browser has one session: the cookie that was replaced opens nothing any more."""
    with alice.browser() as browser:
        kept = browser.cookies["session"]
        wrong = browser.sign_in(alice.email, "not the password", browser.token(ME))
        assert wrong.status_code == 401
        assert browser.get(ME).status_code == 200
        assert browser.sign_in(alice.email, alice.password, browser.token(ME)).status_code == 303
        assert browser.cookies["session"] != kept
        assert browser.get(ME).status_code == 200
    replayed = plain.get(
        f"{stack.base_url}/api/v1/documents", headers={"Cookie": f"session={kept}"}
    )
    assert code(replayed) == (401, "unauthenticated")


def test_a_new_password_ends_every_session(stack: Stack) -> None:
    """`uploads users reset-password` signs the user out everywhere."""
    trent = stack.person("trent")
    with trent.browser() as browser:
        reset = stack.cli(
            *("users", "reset-password", trent.email, "--password-stdin"),
            given="another long password\n",
        )
        assert reset.returncode == 0, reset.stderr
        assert browser.get(ME).status_code == 303
        assert browser.sign_in(trent.email, trent.password).status_code == 401
        assert browser.sign_in(trent.email, "another long password").status_code == 303


def test_a_wrong_password_and_an_unknown_user_look_alike(stack: Stack, alice: Person) -> None:
    """The answer does not tell whether there is such an account."""
    with Browser(stack) as browser:
        token = browser.token("/sign-in")
        wrong = browser.sign_in(alice.email, "not the password", token)
        unknown = browser.sign_in("nobody@example.org", "not the password", token)
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.text.replace(alice.email, "nobody@example.org") == unknown.text or (
        len(wrong.text) - len(unknown.text) == len(alice.email) - len("nobody@example.org")
    )


@pytest.mark.one_database
@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_signing_in_leads_to_no_other_site(stack: Stack, alice: Person, target: str) -> None:
    """`next` is a path of this site or nothing."""
    with Browser(stack) as browser:
        fields = {"csrf_token": browser.token("/sign-in"), "next": target}
        answer = browser.post(
            "/sign-in", data={**fields, "email": alice.email, "password": alice.password}
        )
    assert answer.headers["Location"] == "/documents"
