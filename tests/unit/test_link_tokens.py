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
