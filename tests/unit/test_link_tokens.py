"""Addresses of links and tickets: derived, verified, and of no use under another secret."""

from __future__ import annotations

import pytest

from uploads.documents.errors import NotFound
from uploads.security.tokens import LinkTokens, SignedTokens

SECRET = "a secret of thirty-two characters"
TOKENS = LinkTokens(SECRET, 3600)


def test_the_same_link_has_the_same_address_always() -> None:
    token = TOKENS.issue("lnk_abc")
    assert token == LinkTokens(SECRET, 60).issue("lnk_abc")
    assert TOKENS.read(token) == "lnk_abc"
    assert token.startswith("abc.")
    assert len(token) == len("abc.") + 32


def test_another_secret_or_id_gives_another_mark() -> None:
    marks = {
        tokens.issue(link_id).partition(".")[2]
        for tokens in (TOKENS, LinkTokens(SECRET + "!", 3600))
        for link_id in ("lnk_abc", "lnk_abd")
    }
    assert len(marks) == 4


def test_what_an_earlier_secret_signed_is_still_taken_and_nothing_new_is_signed_with_it() -> None:
    """Addresses, tickets and tokens of both keys are read; once the earlier one is gone, its are
    none."""
    new = "another secret of so many characters"
    both = LinkTokens(new, 3600, earlier=["x" * 32, SECRET])
    alone, content = LinkTokens(new, 3600), SignedTokens(new, earlier=["x" * 32, SECRET])
    address, ticket = TOKENS.issue("lnk_abc"), TOKENS.issue_ticket("lnk_abc", 7)
    rendition = SignedTokens(SECRET).issue("doc_1", "original")
    assert both.read(address) == "lnk_abc"
    assert both.read_ticket(ticket) == ("lnk_abc", 7)
    assert content.read(rendition) == ("doc_1", "original")
    assert alone.read(both.issue("lnk_abc")) == "lnk_abc"
    assert alone.read_ticket(both.issue_ticket("lnk_abc", 7)) == ("lnk_abc", 7)
    assert SignedTokens(new).read(content.issue("doc_1", "original")) == ("doc_1", "original")
    for read, old in (
        (alone.read, address),
        (alone.read_ticket, ticket),
        (SignedTokens(new).read, rendition),
    ):
        with pytest.raises(NotFound):
            read(old)


@pytest.mark.parametrize(
    "token",
    ["", ".", "abc", "abc.", "abc." + "A" * 32, "ABC." + "A" * 32, "abc." + "é" * 32, "\ud800.x"],
)
def test_what_was_not_issued_is_none(token: str) -> None:
    with pytest.raises(NotFound):
        TOKENS.read(token)


def test_one_sign_changed_anywhere_is_none() -> None:
    token = TOKENS.issue("lnk_abc")
    for place, sign in enumerate(token):
        changed = token[:place] + ("b" if sign != "b" else "c") + token[place + 1 :]
        with pytest.raises(NotFound):
            TOKENS.read(changed)


def test_tokens_of_one_kind_are_none_of_another() -> None:
    """Signed with the same secret, each is good for its own purpose."""
    content = SignedTokens(SECRET)
    ticket, rendition = TOKENS.issue_ticket("lnk_abc", 7), content.issue("doc_1", "original")
    assert TOKENS.read_ticket(ticket) == ("lnk_abc", 7)
    for read, wrong in (
        (TOKENS.read_ticket, rendition),
        (TOKENS.read_ticket, TOKENS.issue("lnk_abc")),
        (TOKENS.read, ticket),
        (content.read, ticket),
    ):
        with pytest.raises(NotFound):
            read(wrong)
    assert "lnk_abc" not in ticket
    assert TOKENS.issue("lnk_abc").partition(".")[2] not in ticket
