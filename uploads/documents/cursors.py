"""Cursors of lists that are newest first: where the page before has ended."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from uploads.documents.errors import Invalid


class Entry(Protocol):
    """What a list is of."""

    @property
    def id(self) -> str: ...
    @property
    def created_at(self) -> datetime: ...


T = TypeVar("T", bound=Entry)


def page(found: Sequence[T], limit: int) -> tuple[list[T], str | None]:
    """At most `limit` of what was found, and the cursor behind them where there was more."""
    shown = list(found[:limit])
    more = len(found) > limit
    return shown, make(shown[-1].created_at, shown[-1].id) if more else None


def make(created_at: datetime, last_id: str) -> str:
    """The cursor behind this entry."""
    text = json.dumps([created_at.isoformat(), last_id])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read(untrusted_cursor: str | None) -> tuple[datetime, str] | None:
    """The entry that a cursor stands behind; None for none. Raises Invalid."""
    if not untrusted_cursor:
        return None
    try:
        padded = untrusted_cursor + "=" * (-len(untrusted_cursor) % 4)
        at, last_id = json.loads(base64.urlsafe_b64decode(padded))
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None or not isinstance(last_id, str):
            raise ValueError(untrusted_cursor)
        return moment.astimezone(UTC), last_id
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise Invalid(
            "The cursor is not one that this service gave. Start again without it.",
            errors=[{"pointer": "cursor", "detail": "not a cursor"}],
        ) from error
