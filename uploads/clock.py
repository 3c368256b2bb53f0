"""Time and randomness, to be passed in: the only module that asks the machine for either."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime

# Crockford's base 32, whose order as text is its order as numbers.
_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
_LENGTH = 26
_PAIRS = [first + second for first in _DIGITS for second in _DIGITS]
# One of 32 digits for each byte: eight bytes stand for each of them.
_OF_BYTES = bytes(ord(_DIGITS[byte % 32]) for byte in range(256))


def now() -> datetime:
    """The present moment in UTC."""
    return datetime.now(UTC)


def new_id() -> str:
    """26 lower-case letters and digits, fit for ids and storage keys: 50 bits of time, 80 random.

    In milliseconds since 1970, as in a ULID. Ids that begin with their time are put at the end of
    each index; wholly random ones would touch another page of a large one with every row.
    """
    moment = time.time_ns() // 1_000_000
    when = "".join([_PAIRS[moment >> shift & 1023] for shift in (40, 30, 20, 10, 0)])
    return when + secrets.token_bytes(16).translate(_OF_BYTES).decode()


def made_at(text: str) -> datetime | None:
    """When an id of `new_id` was made, by the clock of whoever made it; None for any other text."""
    if len(text) != _LENGTH or not set(text) <= set(_DIGITS):
        return None
    moment = 0
    for digit in text[:10]:
        moment = moment << 5 | _DIGITS.index(digit)
    try:
        return datetime.fromtimestamp(moment / 1000, UTC)
    except (OverflowError, ValueError):
        return None


def new_secret() -> bytes:
    """256 random bits, to sign with."""
    return secrets.token_bytes(32)


def new_token() -> str:
    """256 random bits in 43 URL-safe characters: fit for sessions, keys' secrets and passwords."""
    return secrets.token_urlsafe(32)
