"""A visit to one webhook: lease it, deliver what is due, write down what came of it.

The lease is on the webhook, not on its deliveries: so one receiver takes up one worker at most,
however much waits for it, and the receivers of one owner a few (`turns.py`): slow or dead ones
delay nobody else's. One that cannot be reached is asked for one delivery at a time, and left alone
meanwhile with the rest.

At least once: a delivery whose answer was not written down, because its process died, is made
again. In no promised order: four are under way at a time, and those that failed come later.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog

from uploads.documents.events import TEST
from uploads.documents.model import AuditEntry
from uploads.documents.showing import rfc3339, with_addresses
from uploads.documents.webhooks import (
    GIVE_UP_AFTER,
    Attempt,
    Delivery,
    DeliveryState,
    Lease,
    next_attempt,
    signatures,
    silence_after,
)
from uploads.faults import step
from uploads.records.protocol import Records, Work
from uploads.security.sealing import Sealer, Unreadable
from workers.courier.call import Caller, CallFailed, Interrupted
from workers.courier.turns import Turns

if TYPE_CHECKING:
    # The intake reads files' first bytes with libmagic, which has no place in this process.
    from uploads.documents.intake import Hints

GONE = 410
_AT_ONCE = 4
_VISIT_SECONDS = 20.0
_ENDED_AT_ONCE = 200
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Outcome:
    delivery: Delivery
    attempt: Attempt
    unreached: bool

    @property
    def delivered(self) -> bool:
        return self.attempt.error is None


class Courier:
    """Visits webhooks, of one owner at most so many at once. `lease` must be longer than a call."""

    def __init__(
        self,
        *,
        records: Records,
        hints: Hints,
        clock: Callable[[], datetime],
        caller: Caller,
        sealer: Sealer,
        base_url: str,
        lease: timedelta,
        of_one_owner: int,
        ending: Callable[[], bool] = lambda: False,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._records = records
        self._hints = hints
        self._clock = clock
        self._caller = caller
        self._sealer = sealer
        self._base_url = base_url
        self._lease = lease
        self._turns = Turns(of_one_owner)
        self._ending = ending
        self._jitter = jitter

    def visit(self, webhook_id: str) -> None:
        """Deliver what is due, for a while; quiet when the webhook is not to be had.

        Where others of its owner's take up all that is theirs it waits, and is called for by them.
        """
        owner_id = self._records.read(lambda work: work.deliveries.owner(webhook_id))
        if owner_id is None:
            return
        try:
            with self._turns.taken(owner_id, webhook_id) as taken:
                if taken:
                    self._visit(webhook_id)
        finally:
            following = self._turns.next_of(owner_id)
            if following is not None:
                self._hints.deliver(following)

    def _visit(self, webhook_id: str) -> None:
        now = self._clock()
        lease = self._records.write(
            lambda work: work.deliveries.lease(webhook_id, now, now + self._lease)
        )
        if lease is None:
            return
        with structlog.contextvars.bound_contextvars(webhook=webhook_id):
            try:
                goes_on = self._deliver(lease)
            except Interrupted:
                goes_on = False
            self._records.write(lambda work: work.deliveries.release(lease))
        if goes_on:
            # Others that wait come first.
            self._hints.deliver(webhook_id)

    def _deliver(self, lease: Lease) -> bool:
        """Returns whether there may be more to do."""
        end = time.monotonic() + _VISIT_SECONDS
        # One that could not be reached last time is tried with one delivery.
        at_once = 1 if lease.failures else _AT_ONCE
        while time.monotonic() < end and not self._ending():
            now = self._clock()
            batch = self._records.write(lambda work: self._next(work, lease, now, at_once))  # noqa: B023
            if not batch:
                return False
            outcomes = self._calls(lease, batch)
            step("w1")
            if not self._records.write(lambda work: self._note(work, lease, outcomes)):  # noqa: B023
                return False
            lease, at_once = replace(lease, failures=0), _AT_ONCE
        return not self._ending()

    def _next(self, work: Work, lease: Lease, now: datetime, limit: int) -> Sequence[Delivery]:
        if not work.deliveries.renew(lease, now + self._lease):
            return ()
        return work.deliveries.take(lease, now, limit)

    def _calls(self, lease: Lease, batch: Sequence[Delivery]) -> list[_Outcome]:
        if len(batch) == 1:
            return [self._call(lease, batch[0])]
        with ThreadPoolExecutor(len(batch)) as pool:
            return list(pool.map(lambda delivery: self._call(lease, delivery), batch))

    def _call(self, lease: Lease, delivery: Delivery) -> _Outcome:
        """Raises Interrupted when the process is about to end; then nothing is written down."""
        at, began = self._clock(), time.monotonic()
        status, error, unreached = None, None, False
        try:
            status = self._caller.post(lease.webhook.url, *self._message(lease, delivery, at))
            error = word_for(status)
        except CallFailed as failed:
            error, unreached = failed.word, failed.unreached
        except Unreadable as sealed:
            _log.error("webhook_secret_unreadable", cause=str(sealed))
            error = "secret-unreadable"
        seconds = round(time.monotonic() - began, 3)
        _log.info("webhook_called", delivery=delivery.id, status=status, error=error)
        return _Outcome(delivery, Attempt(at, status, error, seconds), unreached)

    def _message(
        self, lease: Lease, delivery: Delivery, at: datetime
    ) -> tuple[dict[str, str], bytes]:
        """Headers and body (Standard Webhooks, "Webhook Headers" and "Signature scheme")."""
        body = json.dumps(self._payload(lease, delivery), separators=(",", ":")).encode()
        secrets = [self._sealer.open(one) for one in lease.webhook.secrets_at(at)]
        timestamp = int(at.timestamp())
        headers = {
            "webhook-id": delivery.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signatures(secrets, delivery.id, timestamp, body),
        }
        return headers, body

    def _payload(self, lease: Lease, delivery: Delivery) -> dict[str, Any]:
        data: dict[str, Any] = {"webhook_id": lease.webhook.id}
        if delivery.event != TEST:
            data = with_addresses(delivery.facts, self._base_url)
        return {"type": delivery.event, "timestamp": rfc3339(delivery.at), "data": data}

    def _note(self, work: Work, lease: Lease, outcomes: Sequence[_Outcome]) -> bool:
        """Everything that came of one batch; whether the visit goes on."""
        now = self._clock()
        for outcome in outcomes:
            self._note_one(work, lease, outcome, now)
        if any(outcome.attempt.status == GONE for outcome in outcomes):
            work.deliveries.disable(lease, now, "gone")
            detail = {"reason": "gone"}
            entry = AuditEntry(now, "worker", "webhook.disabled", lease.webhook.id, detail)
            work.audit.append(entry)
            return False
        if not all(outcome.unreached for outcome in outcomes):
            work.deliveries.reached(lease, 0)
            return True
        failures = lease.failures + 1
        work.deliveries.reached(lease, failures)
        self._leave_alone(work, lease, failures, now)
        return False

    def _note_one(self, work: Work, lease: Lease, outcome: _Outcome, now: datetime) -> None:
        delivery, state, again = outcome.delivery, DeliveryState.DELIVERED, now
        if not outcome.delivered:
            due = next_attempt(delivery, now, self._jitter)
            gone = outcome.attempt.status == GONE
            state = DeliveryState.GIVEN_UP if due is None or gone else DeliveryState.PENDING
            again = due or now
        if not work.deliveries.note(lease, delivery, outcome.attempt, state, again):
            _log.warning("attempt_not_noted", delivery=delivery.id)

    def _leave_alone(self, work: Work, lease: Lease, failures: int, now: datetime) -> None:
        """Nothing else is tried on a receiver that cannot be reached, for a while."""
        not_tried = Attempt(now, None, "not-tried", 0.0)
        work.deliveries.give_up(lease, not_tried, now - GIVE_UP_AFTER, _ENDED_AT_ONCE)
        work.deliveries.put_off(lease, now, now + silence_after(failures))


def word_for(status: int) -> str | None:
    """What an answer of this status is called, where it is no delivery."""
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        return "redirect"
    return "gone" if status == GONE else "refused"
