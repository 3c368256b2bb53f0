"""Webhooks in the database, as their owners see and change them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from uploads.documents.webhooks import SealedSecret, Webhook
from uploads.records.outbox_tables import webhooks
from uploads.records.statements import Before, newest_first, storable
from uploads.records.tables import users


class SqlWebhooks:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, webhook: Webhook, most: int) -> bool:
        # Held, so that of two at the same time the second one counts the first.
        self._connection.execute(
            select(users.c.id).where(users.c.id == webhook.owner_id).with_for_update()
        )
        there = self._connection.scalar(
            select(func.count()).where(webhooks.c.owner_id == webhook.owner_id)
        )
        if (there or 0) >= most:
            return False
        self._connection.execute(
            insert(webhooks).values(
                id=webhook.id,
                owner_id=webhook.owner_id,
                created_at=webhook.created_at,
                token=0,
                failures=0,
                **_changeable(webhook),
            )
        )
        return True

    def get(self, owner_id: str, webhook_id: str, *, hold: bool = False) -> Webhook | None:
        if not storable(webhook_id):
            return None
        wanted = select(webhooks).where(
            webhooks.c.id == webhook_id, webhooks.c.owner_id == owner_id
        )
        row = self._connection.execute(
            wanted.with_for_update(key_share=True) if hold else wanted
        ).one_or_none()
        return None if row is None else webhook_of(row)

    def page(self, owner_id: str, limit: int, before: Before) -> Sequence[Webhook]:
        wanted = select(webhooks).where(webhooks.c.owner_id == owner_id)
        rows = self._connection.execute(newest_first(wanted, webhooks.c, limit, before))
        return [webhook_of(row) for row in rows]

    def following(self, webhook_id: str, limit: int) -> Sequence[Webhook]:
        wanted = select(webhooks).where(webhooks.c.id > webhook_id).order_by(webhooks.c.id)
        held = wanted.limit(limit).with_for_update(key_share=True)
        return [webhook_of(row) for row in self._connection.execute(held)]

    def change(self, webhook: Webhook) -> None:
        self._connection.execute(
            update(webhooks).where(webhooks.c.id == webhook.id).values(**_changeable(webhook))
        )

    def remove(self, owner_id: str, webhook_id: str) -> bool:
        if not storable(webhook_id):
            return False
        removed = self._connection.execute(
            delete(webhooks).where(webhooks.c.id == webhook_id, webhooks.c.owner_id == owner_id)
        )
        return removed.rowcount == 1


def _changeable(webhook: Webhook) -> dict[str, Any]:
    return {
        "url": webhook.url,
        "events": list(webhook.events),
        "secrets": [
            {"sealed": one.sealed, "until": one.until and one.until.isoformat()}
            for one in webhook.secrets
        ],
        "disabled_at": webhook.disabled_at,
        "disabled_reason": webhook.disabled_reason,
    }


def webhook_of(row: Row[Any]) -> Webhook:
    secrets = tuple(
        SealedSecret(one["sealed"], one["until"] and datetime.fromisoformat(one["until"]))
        for one in row.secrets
    )
    return Webhook(
        id=row.id,
        owner_id=row.owner_id,
        url=row.url,
        events=tuple(row.events),
        secrets=secrets,
        created_at=row.created_at,
        disabled_at=row.disabled_at,
        disabled_reason=row.disabled_reason,
    )
