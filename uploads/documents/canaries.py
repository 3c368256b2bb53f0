"""What canaries said of the engines, and what a document was inspected with.

Plain values. A canary is a file whose verdict is known beforehand: an engine that does not give it
is not believed about any other file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from uploads.documents.kinds import ACTIVE
from uploads.documents.model import EngineReport

SCANNER = "clamav"
PROBE_CEILING_BYTES = 256 * 1024**2
"""Unpacking is proved up to this at most: more would cost more than it tells. About more than this
a scanner is believed that says when a limit stops it."""


@dataclass(frozen=True, slots=True)
class Canary:
    """The last word on one engine at one place (a worker's host).

    `good_at` is when the last good canary was begun. Since a bad one `failed_at` is set, and
    `withdraw_from` for as long as documents that became clean since then may still be served.
    `reach` and `unpacks` are bytes, as last tried (`probed_at`): the largest file at whose end a
    virus was found, and the most unpacked of one archive that it reads, or says it did not.
    """

    engine: str
    place: str
    tried_at: datetime
    ok: bool
    version: str = ""
    signatures: str | None = None
    good_at: datetime | None = None
    failed_at: datetime | None = None
    withdraw_from: datetime | None = None
    reach: int | None = None
    unpacks: int | None = None
    probed_at: datetime | None = None
    detail: str = ""

    def vouches(self, now: datetime, bound: timedelta) -> bool:
        """Whether its engine is believed now."""
        return self.ok and self.withdraw_from is None and self.tried_at >= now - bound

    def outlived(self, others: Iterable[Canary]) -> bool:
        """Whether its engine has let the bad file pass elsewhere since this was tried.

        It may be one engine that several places ask.
        """
        return any(
            one.failed_at is not None and one.failed_at > self.tried_at
            for one in others
            if one.engine == self.engine and one.place != self.place
        )

    def signature_age(self, now: datetime) -> timedelta | None:
        """How old the signatures are, counted from the end of their day; None where unknown."""
        try:
            day = date.fromisoformat((self.signatures or "").partition("/")[2])
        except ValueError:
            return None
        return now - datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=1)


def fingerprint(reports: Iterable[EngineReport]) -> str:
    """A short name of engines, their versions and signatures, whatever they said."""
    words = sorted(f"{one.name} {one.version} {one.signatures or ''}" for one in reports)
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]


def risk_of(media_type: str) -> int:
    """How much harm a file of this type can carry; the higher ones are looked at anew first."""
    if media_type.startswith("application/") or media_type in ACTIVE:
        return 2
    return 0 if media_type.startswith("text/") else 1


@dataclass(frozen=True, slots=True)
class Needs:
    """What a scanner must do to be trusted wholly: `reach` and `unpacks` in bytes.

    `archive` is what one may unpack to, of which `unpacks` is what has to be proved. `strict` and
    `hold` say whether publishing waits for the first two, and for young signatures.
    """

    reach: int
    unpacks: int
    signatures: timedelta
    strict: bool = False
    hold: bool = False
    archive: int = 0

    def short_reach(self, canary: Canary) -> str | None:
        """How far it falls short of what is accepted, for people; None where it does not."""
        if canary.reach is None or canary.reach < self.reach:
            return f"reads {canary.reach or 0:,} of {self.reach:,} bytes that a file may have"
        if canary.unpacks is None:
            # Tried a few minutes later where nothing waits for it.
            return "was not tried yet with a large archive" if self.strict else None
        if canary.unpacks < self.unpacks:
            return f"unpacks {canary.unpacks:,} of {self.unpacks:,} bytes that an archive may have"
        return None

    def old_signatures(self, canary: Canary, now: datetime) -> str | None:
        """That its signatures are too old, or nobody knows how old; None where they are not."""
        age = canary.signature_age(now)
        if age is None:
            return "does not say how old its signatures are"
        if age > self.signatures:
            return f"has signatures that are {age // timedelta(hours=1)} hours old"
        return None

    def check(self, canary: Canary, now: datetime) -> str | None:
        """Why nothing is published although canaries are well; None where nothing is wrong."""
        if canary.engine != SCANNER:
            return None
        short = self.short_reach(canary) if self.strict else None
        return short or (self.old_signatures(canary, now) if self.hold else None)
