"""Guesses at a link's password are few: from one address, and at one link from everywhere."""

from __future__ import annotations

import httpx
import pytest

from tests.support import samples
from tests.support.links import clean, refusal, shared
from tests.support.people import Person
from tests.support.stack import Stack

# Nothing of this has to do with the database: once is enough.
pytestmark = pytest.mark.one_database

EACH = 5  # what `strict` allows an address
ALL = 10 * EACH


def guess(url: str, address: str, password: str = "wrong-one") -> httpx.Response:
    """One guess from an address of this machine."""
    with httpx.Client(transport=httpx.HTTPTransport(local_address=address), timeout=180) as client:
        return client.get(url, auth=("", password))


def test_guesses_end_soon(strict: Stack) -> None:
    """429 for the address, then for the link; who holds another link is not kept out of it.

    Even the right password is refused then: nobody is told that it was found.
    """
    judy = strict.person("judy")
    document = clean(judy, "a.png", samples.png())
    link, other = (shared(judy, document, password="s3cret-y") for _ in range(2))
    first = [guess(link["url"], "127.0.0.1") for _ in range(EACH + 1)]
    assert [one.status_code for one in first] == [401] * EACH + [429]
    assert first[-1].json()["code"] == "rate-limited"
    assert int(first[-1].headers["Retry-After"]) > 0
    assert guess(link["url"], "127.0.0.1", "s3cret-y").status_code == 429
    assert guess(other["url"], "127.0.0.1").status_code == 429
    # The form's page itself is no guess.
    assert refusal(httpx.get(link["url"], timeout=180)) == (401, "password-required")
    answers = [
        guess(link["url"], f"127.0.0.{host}").status_code
        for host in range(2, 2 + ALL // EACH)
        for _ in range(EACH)
    ]
    assert set(answers) == {401, 429}
    # What an address was refused before may have been counted for the link as well, or not.
    assert ALL - 2 * EACH <= answers.count(401) <= ALL - EACH
    assert guess(link["url"], "127.0.0.99", "s3cret-y").status_code == 429
    assert guess(other["url"], "127.0.0.99", "s3cret-y").status_code == 303


def test_a_person_who_was_let_in_is_not_kept_out_by_downloads(strict: Stack) -> None:
    """Without a password nothing is counted as a guess."""
    judy: Person = strict.person("judy-too")
    link = shared(judy, clean(judy, "b.png", samples.png()))
    for _ in range(2 * EACH):
        assert httpx.get(link["url"], timeout=180).status_code == 303
