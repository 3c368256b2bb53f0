"""When to try again, and after how long. Decides only: time and chance are handed in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from uploads_client.errors import NotReachable, NotTrusted, UploadsError

# What another try can change. Not 501, 505 and 507: those are decisions.
_PASSING = frozenset({408, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Retries:
    """At most `attempts` tries; waits of `first` seconds, doubled up to `most`.

    Who asks for more patience than `most_patience` seconds by Retry-After gets none at all. For as
    long, what still runs under its key is waited for, which is no further try.
    """

    attempts: int = 5
    first: float = 0.5
    most: float = 20.0
    most_patience: float = 120.0

    def wait(self, tried: int, error: UploadsError, chance: Callable[[], float]) -> float | None:
        """Seconds to wait after `tried` tries of which this is the last error; None: give up.

        `chance` gives a number from 0 to 1: clients that were turned away together come apart.
        """
        if tried >= self.attempts or not passes(error):
            return None
        pause = min(self.most, self.first * 2.0 ** (tried - 1)) * (0.5 + chance() / 2)
        if error.retry_after is None:
            return pause
        if error.retry_after > self.most_patience:
            return None
        return error.retry_after + pause


def passes(error: UploadsError) -> bool:
    """Whether this may be over with the next try."""
    if isinstance(error, NotReachable):
        return not isinstance(error, NotTrusted)
    return error.status in _PASSING or still_runs(error)


def still_runs(error: UploadsError) -> bool:
    """Whether the first request under an idempotency key is under way: 409 with Retry-After."""
    return error.status == 409 and error.retry_after is not None


def leaves_doubt(error: UploadsError) -> bool:
    """Whether what was asked for may have been done all the same."""
    return isinstance(error, NotReachable) or (error.status or 0) >= 500 or still_runs(error)


def retry_after(header: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for (RFC 9110, section 10.2.3), else None."""
    if header is None:
        return None
    if header.strip().isascii() and header.strip().isdecimal():
        return float(header.strip()[:9])
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
