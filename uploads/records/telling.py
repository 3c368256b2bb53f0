"""What the records keep of events and webhooks: the protocols that `Work` has for them.

Neither has a verb that adds an event: `Documents` writes it down with the move itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from uploads.documents.events import Event
from uploads.documents.webhooks import Attempt, Delivery, DeliveryState, Lease, Webhook


class Events(Protocol):
    def last(self, owner_id: str) -> int:
        """The number of an owner's newest event; 0 before the first one."""

    def lasts(self, owner_ids: Sequence[str]) -> dict[str, int]:
        """The same for several owners at once."""

    def after(
        self, owner_id: str, number: int, limit: int, document_id: str | None = None
    ) -> Sequence[Event]:
        """Events with a higher number, in order; of one document where it is named."""

    def reach_back_to(self, owner_id: str, number: int) -> bool:
        """Whether everything after this number is still kept."""

    def remove_before(self, at: datetime, limit: int) -> int:
        """Forget old events; returns how many."""


class Webhooks(Protocol):
    def add(self, webhook: Webhook, most: int) -> bool:
        """Add one, or return False where its owner has `most` already."""

    def get(self, owner_id: str, webhook_id: str, *, hold: bool = False) -> Webhook | None:
        """One webhook of this owner; somebody else's is None, like one that does not exist.

        With `hold` nobody else changes it until the commit.
        """

    def page(
        self, owner_id: str, limit: int, before: tuple[datetime, str] | None
    ) -> Sequence[Webhook]:
        """Newest first by (created_at, id), strictly older than `before`, at most `limit`."""

    def following(self, webhook_id: str, limit: int) -> Sequence[Webhook]:
        """Everybody's, by id, after this one; nobody else changes them until the commit."""

    def change(self, webhook: Webhook) -> None:
        """Write everything that an owner can change: address, events, secrets, disabled or not."""

    def remove(self, owner_id: str, webhook_id: str) -> bool:
        """Delete the webhook and its deliveries; whether there was one."""


class Deliveries(Protocol):
    """One lease at a time speaks to a webhook's receiver; its token fences what it writes."""

    def add(self, delivery: Delivery) -> None: ...

    def get(self, webhook_id: str, delivery_id: str) -> Delivery | None: ...

    def page(
        self, webhook_id: str, limit: int, before: tuple[datetime, str] | None
    ) -> Sequence[Delivery]:
        """Newest first by (created_at, id), strictly older than `before`, at most `limit`."""

    def repeat(self, delivery_id: str, at: datetime) -> None:
        """Make a delivery due again, with a schedule that begins anew."""

    def due(self, now: datetime, limit: int) -> Sequence[str]:
        """Ids of free webhooks that have a due delivery: the first of each owner, the second of
        each and so on, of these the longest waiting first."""

    def owner(self, webhook_id: str) -> str | None:
        """Whose webhook it is; None where there is no such."""

    def backlog(self, now: datetime) -> tuple[int, datetime | None]:
        """How many are due of free webhooks, and since when the longest waiting one is."""

    def lease(self, webhook_id: str, now: datetime, until: datetime) -> Lease | None:
        """Take a webhook whose deliveries are to be made. None when it is not to be had now."""

    def renew(self, lease: Lease, until: datetime) -> bool:
        """Lengthen the lease, if this token still holds it."""

    def release(self, lease: Lease) -> None: ...

    def disable(self, lease: Lease, at: datetime, reason: str) -> None:
        """Tell this receiver nothing any more, if this token still holds the lease."""

    def take(self, lease: Lease, now: datetime, limit: int) -> Sequence[Delivery]:
        """The due deliveries of the leased webhook, the longest waiting first."""

    def note(
        self,
        lease: Lease,
        delivery: Delivery,
        attempt: Attempt,
        state: DeliveryState,
        not_before: datetime,
    ) -> bool:
        """Write an attempt down. False when the lease is lost, or somebody asked anew meanwhile."""

    def reached(self, lease: Lease, failures: int) -> None:
        """How often the receiver could not be reached in a row, under the same condition."""

    def put_off(self, lease: Lease, now: datetime, not_before: datetime) -> None:
        """Let all for this receiver wait, without counting an attempt: what is due and what comes
        meanwhile. It takes the lease away, so it is the last thing that is done with it."""

    def give_up(self, lease: Lease, attempt: Attempt, due_before: datetime, limit: int) -> None:
        """End what is due and has been since before then: its receiver cannot be reached."""

    def remove_before(self, at: datetime, limit: int) -> int:
        """Forget old deliveries, whatever became of them; returns how many."""

    def overdue(self, before: datetime, limit: int) -> Sequence[str]:
        """Ids of deliveries that have been due since before then, of webhooks that want them."""
