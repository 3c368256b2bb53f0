"""A user's own webhooks: made, changed, tried out, given new secrets; and what was delivered.

Every verb takes who is asking. Secrets are sealed before they are recorded and shown once. Nothing
is sent from here: a delivery is a row, and the courier among the workers makes it.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from uploads.documents import cursors
from uploads.documents.errors import Conflict, Invalid, NotFound
from uploads.documents.events import TEST
from uploads.documents.intake import Hints
from uploads.documents.model import Actor, AuditEntry
from uploads.documents.receipts import Keep, keep_nothing
from uploads.documents.targets import TargetRefused, Targets
from uploads.documents.webhooks import (
    OLD_SECRET_LIVES,
    SECRETS_AT_ONCE,
    Delivery,
    SealedSecret,
    Webhook,
    secret_text,
)
from uploads.records.protocol import Records, Work

BY_OWNER = "by-owner"


class Seal(Protocol):
    def seal(self, text: str) -> str:
        """Encrypt a secret for the records."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a webhook is to be; None leaves it as it is."""

    url: str | None = None
    events: Sequence[str] | None = None
    enabled: bool | None = None


class Webhooks:
    """Somebody else's webhook does not exist. `most` is how many one user may have.

    `check_room` raises StorageFull where a disk is about to be full.
    """

    def __init__(
        self,
        *,
        records: Records,
        hints: Hints,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        new_secret: Callable[[], bytes],
        seal: Seal,
        targets: Targets,
        most: int,
        check_room: Callable[[], None] = lambda: None,
    ) -> None:
        self._records = records
        self._hints = hints
        self._clock = clock
        self._new_id = new_id
        self._new_secret = new_secret
        self._seal = seal
        self._targets = targets
        self._most = most
        self._check_room = check_room

    def create(
        self,
        actor: Actor,
        url: str,
        events: Sequence[str],
        keep: Keep[tuple[Webhook, str]] = keep_nothing,
    ) -> tuple[Webhook, str]:
        """A new webhook and its secret, which nobody can read again.

        Raises Invalid for an address that may not be called, Conflict when there are too many, and
        StorageFull.
        """
        self._check(url)
        self._check_room()
        secret, now = secret_text(self._new_secret()), self._now()
        webhook = Webhook(
            id="whk_" + self._new_id(),
            owner_id=actor.user_id,
            url=url,
            events=tuple(events),
            secrets=(SealedSecret(self._seal.seal(secret)),),
            created_at=now,
        )

        def add(work: Work) -> None:
            if not work.webhooks.add(webhook, self._most):
                raise Conflict(
                    f"You have {self._most} webhooks, as many as there may be. Delete one."
                )
            self._note(work, actor, "webhook.created", webhook)
            keep(work, (webhook, secret))

        self._records.write(add)
        return webhook, secret

    def list(
        self, actor: Actor, limit: int, cursor: str | None = None
    ) -> tuple[builtins.list[Webhook], str | None]:
        """Newest first, and the cursor of the next page or None. Raises Invalid on a bad cursor."""
        before = cursors.read(cursor)
        found = builtins.list(
            self._records.read(lambda work: work.webhooks.page(actor.user_id, limit + 1, before))
        )
        return cursors.page(found, limit)

    def get(self, actor: Actor, webhook_id: str) -> Webhook:
        """One webhook. Raises NotFound."""
        return self._records.read(lambda work: _mine(work, actor, webhook_id))

    def change(self, actor: Actor, webhook_id: str, wanted: Wanted) -> Webhook:
        """Change what is named. Enabling one that is disabled lets what waits for it go on.

        Raises NotFound, and Invalid for an address that may not be called.
        """
        if wanted.url is not None:
            self._check(wanted.url)

        def unit(work: Work) -> Webhook:
            webhook = _mine(work, actor, webhook_id, hold=True)
            changed = replace(
                webhook,
                url=webhook.url if wanted.url is None else wanted.url,
                events=webhook.events if wanted.events is None else tuple(wanted.events),
            )
            if wanted.enabled is True:
                changed = replace(changed, disabled_at=None, disabled_reason=None)
            elif wanted.enabled is False and webhook.disabled_at is None:
                changed = replace(changed, disabled_at=self._now(), disabled_reason=BY_OWNER)
            work.webhooks.change(changed)
            self._note(work, actor, "webhook.changed", changed)
            return changed

        return self._records.write(unit)

    def remove(self, actor: Actor, webhook_id: str) -> None:
        """Delete it with its deliveries, those that wait included. Raises NotFound."""

        def unit(work: Work) -> None:
            webhook = _mine(work, actor, webhook_id)
            if work.webhooks.remove(actor.user_id, webhook_id):
                self._note(work, actor, "webhook.deleted", webhook)

        self._records.write_much(unit)

    def rotate(self, actor: Actor, webhook_id: str) -> tuple[Webhook, str]:
        """A new secret, shown once. The one before signs beside it for a day. Raises NotFound."""
        secret = secret_text(self._new_secret())
        sealed = SealedSecret(self._seal.seal(secret))

        def unit(work: Work) -> Webhook:
            webhook, now = _mine(work, actor, webhook_id, hold=True), self._now()
            ends = now + OLD_SECRET_LIVES
            # One that was never heard of, because an answer was lost, replaces none that is in use.
            old = [
                one if one.until is not None else replace(one, until=ends)
                for one in webhook.secrets
                if one.until is None or one.until > now
            ]
            changed = replace(webhook, secrets=(sealed, *old)[:SECRETS_AT_ONCE])
            work.webhooks.change(changed)
            self._note(work, actor, "webhook.rotated", changed)
            return changed

        return self._records.write(unit), secret

    def test(self, actor: Actor, webhook_id: str) -> Delivery:
        """Have something delivered that stands for nothing.

        Raises NotFound, Conflict and StorageFull.
        """
        self._check_room()
        now = self._now()

        def unit(work: Work) -> Delivery:
            webhook = _enabled(_mine(work, actor, webhook_id, hold=True))
            delivery = Delivery(
                id="msg_" + self._new_id(),
                webhook_id=webhook.id,
                event=TEST,
                document_id=None,
                at=now,
                facts={},
                created_at=now,
                due_since=now,
                not_before=now,
            )
            work.deliveries.add(delivery)
            return delivery

        delivery = self._records.write(unit)
        self._hints.deliver(webhook_id)
        return delivery

    def deliveries(
        self, actor: Actor, webhook_id: str, limit: int, cursor: str | None = None
    ) -> tuple[builtins.list[Delivery], str | None]:
        """Newest first, and the cursor of the next page or None.

        Raises NotFound, and Invalid on a bad cursor.
        """
        before = cursors.read(cursor)

        def unit(work: Work) -> Sequence[Delivery]:
            _mine(work, actor, webhook_id)
            return work.deliveries.page(webhook_id, limit + 1, before)

        found = builtins.list(self._records.read(unit))
        return cursors.page(found, limit)

    def redeliver(self, actor: Actor, webhook_id: str, delivery_id: str) -> Delivery:
        """Have it delivered once more under the same id, with a schedule that begins anew.

        Raises NotFound, and Conflict while the webhook is disabled.
        """
        now = self._now()

        def unit(work: Work) -> Delivery:
            _enabled(_mine(work, actor, webhook_id, hold=True))
            if work.deliveries.get(webhook_id, delivery_id) is not None:
                work.deliveries.repeat(delivery_id, now)
            delivery = work.deliveries.get(webhook_id, delivery_id)
            if delivery is None:
                raise NotFound
            return delivery

        delivery = self._records.write(unit)
        self._hints.deliver(webhook_id)
        return delivery

    def _check(self, url: str) -> None:
        try:
            self._targets.read(url)
        except TargetRefused as refused:
            problem = {"pointer": "/url", "detail": str(refused)}
            raise Invalid(f"Not valid: /url: {refused}. Correct it.", errors=[problem]) from refused

    def _now(self) -> datetime:
        """In milliseconds, which is what clients are told."""
        now = self._clock()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def _note(self, work: Work, actor: Actor, action: str, webhook: Webhook) -> None:
        # Not the address: receivers are told apart by what stands in their paths and queries.
        detail = {"events": builtins.list(webhook.events)}
        work.audit.append(AuditEntry(self._clock(), actor.user_id, action, webhook.id, detail))


def _mine(work: Work, actor: Actor, webhook_id: str, *, hold: bool = False) -> Webhook:
    webhook = work.webhooks.get(actor.user_id, webhook_id, hold=hold)
    if webhook is None:
        raise NotFound
    return webhook


def _enabled(webhook: Webhook) -> Webhook:
    if webhook.disabled_at is not None:
        raise Conflict("This webhook is disabled. Enable it first: PATCH it with `enabled: true`.")
    return webhook
