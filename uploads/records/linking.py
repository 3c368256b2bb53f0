"""What the records keep of links: the protocol that `Work` has for them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from uploads.documents.links import Link


class Links(Protocol):
    """A link that was ended is kept for a while, and in no list."""

    def add(self, link: Link) -> None: ...

    def living(self, owner_id: str, now: datetime) -> int:
        """How many links of this owner are neither ended nor expired. Until the commit nobody else
        who asks this of the same owner is answered."""

    def shared(self, owner_id: str, now: datetime) -> int:
        """How many documents they name, each as often as it is named."""

    def get(self, owner_id: str, link_id: str) -> Link | None:
        """One link of this owner; somebody else's is None, like one that does not exist."""

    def find(self, link_id: str) -> Link | None:
        """One link, whoever owns it: for whoever holds its address. Only here it is told since
        when the owner is locked out."""

    def page(
        self,
        owner_id: str,
        document_id: str | None,
        limit: int,
        before: tuple[datetime, str] | None,
    ) -> Sequence[Link]:
        """Those not ended, of one document or of all, newest first by (created_at, id), strictly
        older than `before`, at most `limit`."""

    def use(self, link_id: str, now: datetime, allowance: int) -> int | None:
        """Count one download, in one statement: compare and set.

        Returns its number, from 1. None when the link is ended, expired or used up: then nothing
        was counted. Where downloads are limited, this one may be sent `allowance` bytes in all.
        """

    def spend(self, link_id: str, number: int, amount: int) -> bool:
        """Take bytes from a counted download's allowance, if as many are left."""

    def left(self, link_id: str, number: int) -> int:
        """How many bytes a counted download's allowance still has; 0 where it has none."""

    def give_back(self, link_id: str, number: int, amount: int) -> None:
        """Bytes that were taken and not sent."""

    def end(self, link_id: str, at: datetime) -> bool:
        """End one; whether it was not ended yet."""

    def end_of(self, document_id: str, at: datetime) -> None:
        """End every link that this document is in."""

    def remove_ended(self, before: datetime) -> int:
        """Forget those that were ended or have expired before this; returns how many."""
