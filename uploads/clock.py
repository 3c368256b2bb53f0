"""Time and randomness, to be passed in: the only module that asks the machine for either."""

from __future__ import annotations

import base64
import secrets
from datetime import UTC, datetime


def now() -> datetime:
    """The present moment in UTC."""
    return datetime.now(UTC)


def new_id() -> str:
    """128 random bits in 26 lower-case letters and digits: fit for ids and storage keys."""
    return base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()


def new_token() -> str:
    """256 random bits in 43 URL-safe characters: fit for sessions, keys' secrets and passwords."""
    return secrets.token_urlsafe(32)
