"""What was proved of the store: only one that holds clients to what is signed is signed for.

Plain values. A proof is about one store as clients know it: its public address and the bucket that
they put into. It ends with the first try that finds otherwise, and by itself when it is too old.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

STANDS_FOR = timedelta(hours=3)
"""How long a proof counts that nobody could repeat, because the store or the workers were away."""
REPEAT_AFTER = timedelta(hours=1)
"""A proof that is older than this is to be repeated."""


class Standing(StrEnum):
    """Whether a store may be signed for, and if not, why."""

    PROVED = "proved"
    UNTRIED = "untried"
    DISPROVED = "disproved"
    LAPSED = "lapsed"


@dataclass(frozen=True, slots=True)
class StoreProof:
    """The last word on one store.

    `proved_at` is when it was last seen to keep every promise; the first try that sees one broken
    takes it away and sets `failed_at`. A try that could not be carried out changes neither, only
    `tried_at` and `found`, which is in words for operators. `checks_sha256` is whether it holds a
    PUT against a signed checksum as well.
    """

    address: str
    bucket: str
    tried_at: datetime
    proved_at: datetime | None = None
    failed_at: datetime | None = None
    checks_sha256: bool = False
    found: str = ""

    def standing(self, now: datetime) -> Standing:
        """What it is worth now."""
        if self.failed_at is not None:
            return Standing.DISPROVED
        if self.proved_at is None:
            return Standing.UNTRIED
        return Standing.PROVED if now - self.proved_at < STANDS_FOR else Standing.LAPSED

    def due(self, now: datetime) -> bool:
        """Whether the store is to be tried again: hourly, and while it is not proved each time."""
        if self.standing(now) is not Standing.PROVED or self.proved_at is None:
            return True
        return now - self.proved_at >= REPEAT_AFTER


def standing(proof: StoreProof | None, now: datetime) -> Standing:
    """What the last word on a store is worth now; where there is none, nobody has tried it."""
    return Standing.UNTRIED if proof is None else proof.standing(now)
