"""The nouns of webhooks: where to tell what, the deliveries and when they are tried again.

The form is that of the Standard Webhooks specification 1.0.0. Plain values; knows neither how a
call is made nor how secrets are kept.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

SECRET_PREFIX = "whsec_"  # noqa: S105 -- what every secret begins with, and no secret
# After a failed attempt, the pause before the next one; the last one is repeated.
PAUSES = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 30, 120, 600, 1800, 3600, 2 * 3600, 4 * 3600, 6 * 3600)
)
GIVE_UP_AFTER = timedelta(hours=26)
"""The first attempt that fails at this age is the last one."""
LONGEST_SILENCE = timedelta(minutes=5)
"""A receiver that cannot be reached is left alone for so long at most, whatever waits for it."""
OLD_SECRET_LIVES = timedelta(hours=24)
SECRETS_AT_ONCE = 4
ATTEMPTS_SHOWN = 20


class DeliveryState(StrEnum):
    """Pending deliveries wait for an attempt; the other two are final until somebody asks anew."""

    PENDING = "pending"
    DELIVERED = "delivered"
    GIVEN_UP = "given-up"


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """A secret as it is kept: encrypted; `until` ends one that was replaced."""

    sealed: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Webhook:
    """Whom to tell of which events. The newest secret is the first one."""

    id: str
    owner_id: str
    url: str
    events: tuple[str, ...]
    secrets: tuple[SealedSecret, ...]
    created_at: datetime
    disabled_at: datetime | None = None
    disabled_reason: str | None = None

    def secrets_at(self, now: datetime) -> list[str]:
        """The sealed secrets that sign now, the newest first."""
        return [one.sealed for one in self.secrets if one.until is None or one.until > now]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call: `status` is the receiver's, `error` one word of ours, `seconds` the whole time."""

    at: datetime
    status: int | None
    error: str | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event for one webhook. Its `id` is the `webhook-id` of every attempt.

    `facts` are the document's; `due_since` is when it was recorded, or last asked for anew.
    """

    id: str
    webhook_id: str
    event: str
    document_id: str | None
    at: datetime
    facts: Mapping[str, Any]
    created_at: datetime
    due_since: datetime
    not_before: datetime
    state: DeliveryState = DeliveryState.PENDING
    tries: int = 0
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to speak to one webhook's receiver; `failures` counts calls in vain in a row."""

    webhook: Webhook
    token: int
    failures: int


def next_attempt(
    delivery: Delivery, now: datetime, jitter: Callable[[float, float], float]
) -> datetime | None:
    """When a delivery that just failed is tried again; None is: never.

    Jitter only lengthens a pause, by a fifth at most, so that the schedule is kept at the least.
    """
    if now - delivery.due_since >= GIVE_UP_AFTER:
        return None
    pause = PAUSES[min(delivery.tries, len(PAUSES) - 1)]
    return now + pause * jitter(1.0, 1.2)


def silence_after(failures: int) -> timedelta:
    """How long a receiver that could not be reached so many times is left alone."""
    return min(LONGEST_SILENCE, timedelta(seconds=5 * 2 ** min(failures - 1, 10)))


def secret_text(random: bytes) -> str:
    """A secret as its owner sees it, once."""
    return SECRET_PREFIX + base64.b64encode(random).decode()


def signatures(secrets: Sequence[str], message_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`: one `v1,` for each secret, separated by spaces."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    found = []
    for secret in secrets:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
        mac = hmac.new(key, signed, hashlib.sha256).digest()
        found.append("v1," + base64.b64encode(mac).decode())
    return " ".join(found)
