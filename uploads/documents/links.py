"""The link: what a user hands to somebody who has no account, for one document or for several.

Plain values. Its address is not among them: that is made from the id and never kept. Knows neither
HTTP nor the store.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from uploads.documents.errors import DownloadLimit, LinkEnded

MOST_DOCUMENTS = 1000
# Of one user's living links, and of the documents that all of them name: 30 MB of rows at most, and
# to count them is a matter of milliseconds.
MOST_LINKS, MOST_SHARED = 10_000, 100_000
MOST_DOWNLOADS = 1_000_000
LONGEST_SECONDS = 10 * 366 * 86400
SHORTEST_PASSWORD, LONGEST_PASSWORD = 6, 128


class Disposition(StrEnum):
    """Whether a browser is asked to keep the file or to show it."""

    ATTACHMENT = "attachment"
    INLINE = "inline"


@dataclass(frozen=True, slots=True)
class Link:
    """`downloads` counts what was handed out, `max_downloads` bounds it.

    `ended_at` is set when its owner revokes it, or one of its documents is gone. `barred_at` is
    since when its owner is locked out; it is the owner's own, and told to whoever uses the link.
    """

    id: str
    owner_id: str
    documents: tuple[str, ...]
    disposition: Disposition
    created_at: datetime
    expires_at: datetime | None = None
    max_downloads: int | None = None
    password_hash: str | None = None
    downloads: int = 0
    ended_at: datetime | None = None
    barred_at: datetime | None = None

    @property
    def used_up(self) -> bool:
        return self.max_downloads is not None and self.downloads >= self.max_downloads

    def check_living(self, now: datetime) -> None:
        """Raises LinkEnded for one that was revoked, has expired, or lost a document, and while
        whoever gave it may not come in."""
        over = self.expires_at is not None and now >= self.expires_at
        if over or self.ended_at is not None or self.barred_at is not None:
            raise LinkEnded

    def check_uses(self) -> None:
        """Raises DownloadLimit where no further download can begin."""
        if self.used_up:
            raise DownloadLimit
