"""What a list of documents is narrowed to, as conditions of a query; how names are searched."""

from __future__ import annotations

import unicodedata
from typing import Any

from sqlalchemy import ColumnElement, Integer
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from uploads.documents.model import GONE
from uploads.records.protocol import DocumentFilter
from uploads.records.statements import storable
from uploads.records.tables import documents

_LONGEST_SEARCH = 4096  # longer than any folded name


class _PlaceOf(FunctionElement[int]):
    """Where in a text another one begins, counted from 1; 0 where it does not.

    Not LIKE: what it is asked may cost each name's length times its own, and `a` many times against
    names of nothing else took seconds of one of the few readers that all users share.
    """

    inherit_cache = True
    type = Integer()


@compiles(_PlaceOf, "sqlite")
def _in_sqlite(element: _PlaceOf, compiler: SQLCompiler, **options: Any) -> str:
    return f"instr({compiler.process(element.clauses, **options)})"


@compiles(_PlaceOf, "postgresql")
def _in_postgresql(element: _PlaceOf, compiler: SQLCompiler, **options: Any) -> str:
    return f"strpos({compiler.process(element.clauses, **options)})"


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
    return _PlaceOf(documents.c.name_folded, text) > 0


def folded(text: str) -> str:
    """The same text for every way to write it, large or small (Unicode 3.13, D144)."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())
