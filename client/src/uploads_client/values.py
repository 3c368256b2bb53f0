"""Single values out of an answer: each is what it should be, or there is none."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any


def text(value: Any, shape: re.Pattern[str] | None = None) -> str:
    """A string, of this shape where one is asked for. Raises ValueError."""
    if not isinstance(value, str) or (shape is not None and not shape.fullmatch(value)):
        raise ValueError(f"not the text that belongs here: {str(value)[:60]!r}")
    return value


def text_or_none(value: Any, shape: re.Pattern[str] | None = None) -> str | None:
    """The same, or nothing."""
    return None if value is None else text(value, shape)


def count(value: Any) -> int:
    """A whole number that is not negative. Raises ValueError."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"no number of bytes or things: {str(value)[:60]!r}")
    return value


def moment(text: str | None) -> datetime | None:
    """An aware time, or nothing. Raises TypeError, ValueError."""
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without its offset")
    return moment
