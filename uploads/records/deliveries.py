"""Deliveries to webhooks in the database: one lease a webhook, fenced by its token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    delete,
    exists,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)

from uploads.documents.webhooks import ATTEMPTS_SHOWN, Attempt, Delivery, DeliveryState, Lease
from uploads.records.outbox_tables import deliveries, webhooks
from uploads.records.statements import Before, newest_first, storable
from uploads.records.tables import users
from uploads.records.webhooks import webhook_of

# Spelt out: a partial index is of use only where the database can see that it fits.
_PENDING = deliveries.c.state == literal_column("'pending'")
_KEPT_AS_IT_IS = (
    *("id", "webhook_id", "event", "document_id", "at", "created_at", "due_since"),
    *("not_before", "tries"),
)


class SqlDeliveries:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, delivery: Delivery) -> None:
        attempts = [_attempt_json(one) for one in delivery.attempts]
        values = {name: getattr(delivery, name) for name in _KEPT_AS_IT_IS}
        self._connection.execute(
            insert(deliveries).values(
                state=delivery.state.value, facts=dict(delivery.facts), attempts=attempts, **values
            )
        )

    def get(self, webhook_id: str, delivery_id: str) -> Delivery | None:
        if not storable(delivery_id):
            return None
        row = self._connection.execute(
            select(deliveries).where(
                deliveries.c.id == delivery_id, deliveries.c.webhook_id == webhook_id
            )
        ).one_or_none()
        return None if row is None else _delivery(row)

    def page(self, webhook_id: str, limit: int, before: Before) -> Sequence[Delivery]:
        wanted = select(deliveries).where(deliveries.c.webhook_id == webhook_id)
        rows = self._connection.execute(newest_first(wanted, deliveries.c, limit, before))
        return [_delivery(row) for row in rows]

    def repeat(self, delivery_id: str, at: datetime) -> None:
        self._connection.execute(
            update(deliveries)
            .where(deliveries.c.id == delivery_id)
            .values(state=DeliveryState.PENDING.value, not_before=at, due_since=at, tries=0)
        )

    def due(self, now: datetime, limit: int) -> Sequence[str]:
        first = func.min(deliveries.c.not_before)
        nth = func.row_number().over(
            partition_by=webhooks.c.owner_id, order_by=(first, deliveries.c.webhook_id)
        )
        statement = (
            select(deliveries.c.webhook_id)
            .join(webhooks, webhooks.c.id == deliveries.c.webhook_id)
            .where(_PENDING, deliveries.c.not_before <= now, _free(now))
            .group_by(deliveries.c.webhook_id, webhooks.c.owner_id)
            .order_by(nth, first)
            .limit(limit)
        )
        return self._connection.scalars(statement).all()

    def owner(self, webhook_id: str) -> str | None:
        return self._connection.scalar(
            select(webhooks.c.owner_id).where(webhooks.c.id == webhook_id)
        )

    def backlog(self, now: datetime) -> tuple[int, datetime | None]:
        count, oldest = self._connection.execute(
            select(func.count(), func.min(deliveries.c.not_before))
            .join(webhooks, webhooks.c.id == deliveries.c.webhook_id)
            .where(_PENDING, deliveries.c.not_before <= now, _free(now))
        ).one()
        return count, oldest

    def lease(self, webhook_id: str, now: datetime, until: datetime) -> Lease | None:
        row = self._connection.execute(
            update(webhooks)
            .where(webhooks.c.id == webhook_id, _free(now))
            .values(lease_until=until, token=webhooks.c.token + 1)
            .returning(*webhooks.c)
        ).one_or_none()
        return None if row is None else Lease(webhook_of(row), row.token, row.failures)

    def renew(self, lease: Lease, until: datetime) -> bool:
        return self._held(lease, lease_until=until)

    def disable(self, lease: Lease, at: datetime, reason: str) -> None:
        self._held(lease, disabled_at=at, disabled_reason=reason)

    def release(self, lease: Lease) -> None:
        self._held(lease, lease_until=None)

    def take(self, lease: Lease, now: datetime, limit: int) -> Sequence[Delivery]:
        rows = self._connection.execute(
            select(deliveries)
            .where(_waits_for(lease, now))
            .order_by(deliveries.c.not_before, deliveries.c.created_at)
            .limit(limit)
        )
        return [_delivery(row) for row in rows]

    def note(
        self,
        lease: Lease,
        delivery: Delivery,
        attempt: Attempt,
        state: DeliveryState,
        not_before: datetime,
    ) -> bool:
        if not self._holds(lease):
            return False
        return self._write(delivery, attempt, state, not_before)

    def reached(self, lease: Lease, failures: int) -> None:
        self._held(lease, failures=failures)

    def put_off(self, lease: Lease, now: datetime, not_before: datetime) -> None:
        if self._holds(lease):
            self._connection.execute(
                update(deliveries).where(_waits_for(lease, now)).values(not_before=not_before)
            )
            # What comes meanwhile waits as well: the lease is given to nobody, until then.
            self._held(lease, lease_until=not_before, token=lease.token + 1)

    def give_up(self, lease: Lease, attempt: Attempt, due_before: datetime, limit: int) -> None:
        if not self._holds(lease):
            return
        rows = self._connection.execute(
            select(deliveries)
            .where(_waits_for(lease, attempt.at), deliveries.c.due_since <= due_before)
            .limit(limit)
        )
        for delivery in [_delivery(row) for row in rows]:
            self._write(delivery, attempt, DeliveryState.GIVEN_UP, delivery.not_before)

    def remove_before(self, at: datetime, limit: int) -> int:
        old = select(deliveries.c.id).where(deliveries.c.created_at < at).limit(limit)
        removed = self._connection.execute(delete(deliveries).where(deliveries.c.id.in_(old)))
        return removed.rowcount

    def overdue(self, before: datetime, limit: int) -> Sequence[str]:
        statement = (
            select(deliveries.c.id)
            .join(webhooks, webhooks.c.id == deliveries.c.webhook_id)
            .where(_PENDING, deliveries.c.not_before < before, _called())
            .limit(limit)
        )
        return self._connection.scalars(statement).all()

    def _write(
        self, delivery: Delivery, attempt: Attempt, state: DeliveryState, not_before: datetime
    ) -> bool:
        attempts = [*delivery.attempts, attempt][-ATTEMPTS_SHOWN:]
        written = self._connection.execute(
            update(deliveries)
            .where(deliveries.c.id == delivery.id, deliveries.c.due_since == delivery.due_since)
            .values(
                state=state.value,
                not_before=not_before,
                tries=delivery.tries + 1,
                attempts=[_attempt_json(one) for one in attempts],
            )
        )
        return written.rowcount == 1

    def _held(self, lease: Lease, **changes: Any) -> bool:
        changed = self._connection.execute(
            update(webhooks)
            .where(webhooks.c.id == lease.webhook.id, webhooks.c.token == lease.token)
            .values(**changes)
        )
        return changed.rowcount == 1

    def _holds(self, lease: Lease) -> bool:
        """Whether the token still counts, and will until the commit."""
        held = self._connection.execute(
            select(webhooks.c.id)
            .where(webhooks.c.id == lease.webhook.id, webhooks.c.token == lease.token)
            .with_for_update(key_share=True)
        )
        return held.first() is not None


def _called() -> ColumnElement[bool]:
    """Whether it is enabled, and its owner not locked out: till then what is due waits."""
    owner = exists().where(users.c.id == webhooks.c.owner_id, users.c.disabled_at.is_(None))
    return and_(webhooks.c.disabled_at.is_(None), owner)


def _free(now: datetime) -> ColumnElement[bool]:
    unleased = or_(webhooks.c.lease_until.is_(None), webhooks.c.lease_until <= now)
    return and_(_called(), unleased)


def _waits_for(lease: Lease, now: datetime) -> ColumnElement[bool]:
    ours = deliveries.c.webhook_id == lease.webhook.id
    return and_(ours, _PENDING, deliveries.c.not_before <= now)


def _delivery(row: Row[Any]) -> Delivery:
    attempts = tuple(
        Attempt(datetime.fromisoformat(one["at"]), one["status"], one["error"], one["seconds"])
        for one in row.attempts
    )
    values = {name: getattr(row, name) for name in _KEPT_AS_IT_IS}
    return Delivery(facts=row.facts, state=DeliveryState(row.state), attempts=attempts, **values)


def _attempt_json(attempt: Attempt) -> dict[str, Any]:
    return {**asdict(attempt), "at": attempt.at.isoformat()}
