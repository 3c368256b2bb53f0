"""How addresses are spelled."""

from __future__ import annotations

from types import SimpleNamespace
from typing import NoReturn

import pytest

from uploads.documents.errors import Invalid
from uploads.security import credentials
from uploads.security.credentials import normal_email, spelled


def test_one_spelling_for_all_ways_to_write_an_address() -> None:
    assert spelled(" Bjo\u0308rn@Example.org ") == "björn@example.org"


def test_what_is_longer_than_any_address_is_not_even_composed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Marks in a row take the square of their number: a form's 64 KB took seconds."""

    def composed(*_: object) -> NoReturn:
        raise AssertionError

    monkeypatch.setattr(credentials, "unicodedata", SimpleNamespace(normalize=composed))
    long = "a" + "\u0345" * 16_000 + "\u0334" * 16_000
    assert spelled(long) == ""
    with pytest.raises(Invalid):
        normal_email(long)
