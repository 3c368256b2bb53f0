"""What a list of documents is narrowed to, as conditions of a query; how names are searched."""

from __future__ import annotations

import unicodedata

from sqlalchemy import ColumnElement

from uploads.documents.model import GONE
from uploads.records.protocol import DocumentFilter
from uploads.records.statements import storable
from uploads.records.tables import documents

# Longer than any folded name; SQLite refuses LIKE patterns above 50,000 bytes.
_LONGEST_SEARCH = 4096


def conditions_of(chosen: DocumentFilter) -> list[ColumnElement[bool]] | None:
    """The conditions of a filter, or None where no row can meet them."""
    conditions: list[ColumnElement[bool]] = []
    if chosen.states:
        conditions.append(documents.c.state.in_([state.value for state in chosen.states]))
    else:
        conditions.append(documents.c.state.not_in([state.value for state in sorted(GONE)]))
    if chosen.type is not None:
        if not storable(chosen.type):
            return None
        conditions.append(documents.c.type == chosen.type)
    if chosen.text:
        named = named_like(chosen.text)
        if named is None:
            return None
        conditions.append(named)
    return conditions


def named_like(untrusted_text: str) -> ColumnElement[bool] | None:
    """That this is in the name, however it is written; None where it can be in none."""
    text = folded(untrusted_text)
    if not storable(text) or len(text) > _LONGEST_SEARCH:
        return None
    return documents.c.name_folded.contains(text, autoescape=True)


def folded(text: str) -> str:
    """The same text for every way to write it, large or small (Unicode 3.13, D144)."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())
