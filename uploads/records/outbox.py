"""Writes down what is to be told of a document, in the transaction in which it happens.

An event for its owner's streams, numbered by the owner's row of `usage`, which is held from then on
until the commit: no event becomes visible after one with a higher number, on PostgreSQL as well.
And for each webhook that wants to know, a delivery. So nothing that happened goes untold, whatever
dies when.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from uploads.clock import new_id
from uploads.documents.events import name_of
from uploads.documents.model import Document, State
from uploads.documents.showing import facts_of
from uploads.documents.webhooks import DeliveryState
from uploads.records.outbox_tables import deliveries, events, webhooks
from uploads.records.prepared import Prepared
from uploads.records.usage import count

# What each upload does is built once: to build it anew costs as much as to execute it.
_ADD_EVENT = Prepared(insert(events))
_ADD_DELIVERY = insert(deliveries)
# Held against being deleted until the commit, and against nothing else.
_LISTENING = (
    select(webhooks.c.id, webhooks.c.events)
    .where(webhooks.c.owner_id == bindparam("owner"), webhooks.c.disabled_at.is_(None))
    .order_by(webhooks.c.id)
    .with_for_update(read=True, key_share=True)
)
# What a document passed through on its way to a verdict and is in anew.
_OVERTAKEN = (State.QUARANTINED.value, State.SCANNING.value)


def add_event(connection: Connection, number: int, document: Document, at: datetime) -> None:
    """Write down that a document is in this state since `at`."""
    _ADD_EVENT.run(connection, {**event_of(document, at), "number": number})


def event_of(document: Document, at: datetime) -> dict[str, Any]:
    """Every column of an event but its number."""
    return {
        "owner_id": document.owner_id,
        "document_id": document.id,
        "state": document.state.value,
        "at": at,
        "facts": facts_of(document),
    }


def tell(
    connection: Connection, document: Document, was: State | None, at: datetime
) -> Sequence[str]:
    """Write down a move. `was` is the state before, where it makes a difference.

    Returns the ids of the webhooks that now have something to deliver.
    """
    if document.state is State.DELETED:
        _forget(connection, document)
    elif document.state is State.QUARANTINED:
        _overtake(connection, document)
    _, number = count(connection, document.owner_id, 0, 0, 1)
    add_event(connection, number, document, at)
    name = name_of(was, document.state)
    return () if name is None else _deliver(connection, document, name, at)


def tell_again(connection: Connection, document: Document, at: datetime) -> None:
    """Write down that a document has changed and is in the same state; streams alone are told.

    It takes the place of what was told of that state: a document that is changed again and again
    leaves one event.
    """
    connection.execute(
        delete(events)
        .where(events.c.document_id == document.id)
        .where(events.c.state == document.state.value)
    )
    _, number = count(connection, document.owner_id, 0, 0, 1)
    add_event(connection, number, document, at)


def _deliver(connection: Connection, document: Document, name: str, at: datetime) -> Sequence[str]:
    found = connection.execute(_LISTENING, {"owner": document.owner_id}).all()
    listening = [row.id for row in found if name in row.events]
    if listening:
        connection.execute(
            _ADD_DELIVERY, [_delivery(hook, document, name, at) for hook in listening]
        )
    return listening


def _delivery(webhook_id: str, document: Document, name: str, at: datetime) -> dict[str, Any]:
    return {
        # Receivers go by it for good, and numbers come again after a database was restored.
        "id": "msg_" + new_id(),
        "webhook_id": webhook_id,
        "event": name,
        "document_id": document.id,
        "at": at,
        "facts": facts_of(document),
        "created_at": at,
        "due_since": at,
        "not_before": at,
        "state": DeliveryState.PENDING.value,
        "tries": 0,
        "attempts": [],
    }


def _forget(connection: Connection, document: Document) -> None:
    """Of a deleted document nothing is told any more but that: neither its name nor its digest."""
    for table in (events, deliveries):
        connection.execute(
            update(table).where(table.c.document_id == document.id).values(facts=facts_of(document))
        )


def _overtake(connection: Connection, document: Document) -> None:
    """A document that is put off again and again leaves one event of each state, not thousands."""
    connection.execute(
        delete(events)
        .where(events.c.document_id == document.id)
        .where(events.c.state.in_(_OVERTAKEN))
    )
