"""What lies at the quarantine desk: refused files as administrators see them, and their release.

Plain frozen values, and what can be told by them alone. A release takes two different
administrators, and is about one SHA-256.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from uploads.documents.errors import Gone, Invalid, NotReleased
from uploads.documents.model import MOVES, Document, State
from uploads.storage.protocol import Bucket

RELEASABLE = frozenset(state for state, to in MOVES.items() if State.RELEASED in to)
AT_DESK = RELEASABLE | {State.FAILED, State.RELEASED}
"""What the desk has anything to say about; failed files only while their bytes are kept."""
WAITING_AT_DESK = AT_DESK - {State.RELEASED}
REQUEST_LASTS = timedelta(days=7)
"""How long a request for release waits for the second administrator."""


LONGEST_REASON = 1000
"""In characters."""


class ReleaseState(StrEnum):
    """`ended` and `failed` ones can be asked for anew."""

    ASKED = "asked"
    ENDED = "ended"
    CONFIRMED = "confirmed"
    RELEASED = "released"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Release:
    """Who asked for the release of the bytes with this digest and why, and who confirmed it."""

    document_id: str
    sha256: str
    asked_by: str
    asked_at: datetime
    asked_reason: str
    ends_at: datetime
    confirmed_by: str | None = None
    confirmed_at: datetime | None = None
    confirmed_reason: str | None = None

    @property
    def agreed(self) -> bool:
        """Whether two different people stand behind it."""
        return self.confirmed_by is not None and self.confirmed_by != self.asked_by


@dataclass(frozen=True, slots=True)
class Case:
    """One file at the desk with all that is known of it beside the file itself.

    `kept_until` is when its bytes go, None where nothing says so; `emails` are by user id;
    `asker_stands` is whether whoever asked for a release is an administrator still, `under_way`
    whether a worker is to carry one out.
    """

    document: Document
    kept_until: datetime | None = None
    release: Release | None = None
    emails: Mapping[str, str] = field(default_factory=dict)
    asker_stands: bool = False
    under_way: bool = False

    @property
    def id(self) -> str:
        return self.document.id

    @property
    def created_at(self) -> datetime:
        return self.document.created_at

    def release_state(self, now: datetime) -> ReleaseState | None:
        """Where the release stands, if there is one."""
        if self.release is None:
            return None
        if self.document.state is State.RELEASED:
            return ReleaseState.RELEASED
        if self.release.confirmed_by is not None:
            return ReleaseState.CONFIRMED if self.under_way else ReleaseState.FAILED
        same_bytes = self.release.sha256 == self.document.sha256
        open_still = same_bytes and self.asker_stands and now < self.release.ends_at
        return ReleaseState.ASKED if open_still else ReleaseState.ENDED


def place_of(document: Document) -> tuple[Bucket, str] | None:
    """Where the bytes of a refused file are kept, if anywhere."""
    if document.quarantine_key is not None:
        return Bucket.QUARANTINE, document.quarantine_key
    if document.clean_key is not None:
        return Bucket.CLEAN, document.clean_key
    return None


def check_releasable(case: Case, sha256: str, now: datetime) -> None:
    """Raises Gone, and NotReleased where these bytes cannot be released."""
    document = case.document
    if document.is_over(now):
        raise Gone
    if document.state is State.RELEASED:
        raise NotReleased("This file was released already.")
    if document.state not in RELEASABLE:
        raise NotReleased(
            "The inspection of this file failed, so nobody knows what is in it. It can be deleted "
            "or uploaded again, but not released."
        )
    if document.sha256 != sha256:
        raise NotReleased("This file has another SHA-256 than you name. Look at it again.")


def checked_reason(untrusted_reason: str) -> str:
    """The reason as it is kept. Raises Invalid."""
    reason = untrusted_reason.strip()
    if not 1 <= len(reason) <= LONGEST_REASON or not reason.isprintable():
        detail = f"1 to {LONGEST_REASON} plain characters"
        raise Invalid(
            f"A release needs a reason of {detail}, without line breaks.",
            errors=[{"pointer": "/reason", "detail": detail}],
        )
    return reason
