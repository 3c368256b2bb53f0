"""/webhooks: whom to tell, and what was delivered. Managing needs both scopes of documents.

A webhook is told what `GET` shows of every document: a key that may not look must not have it sent
to itself.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from flask import Response, jsonify, request
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from uploads.api import blueprint
from uploads.api.json_bodies import Body, Nothing, read_body
from uploads.api.parsing import invalid, known_members, page_of
from uploads.documents import errors
from uploads.documents.events import NAMES
from uploads.documents.hooks import Wanted
from uploads.documents.model import Actor, Scope
from uploads.documents.showing import rfc3339
from uploads.documents.webhooks import Attempt, Delivery, DeliveryState, Webhook
from uploads.idempotency import Once, idempotent, without
from uploads.openapi.describing import Answer, described
from uploads.openapi.parameters import PAGE
from uploads.openapi.service_shapes import Delivery as DeliveryShown
from uploads.openapi.service_shapes import DeliveryPage, NewWebhook, WebhookPage
from uploads.openapi.service_shapes import Webhook as Shown
from uploads.security.csrf import check_header
from uploads.security.principals import LEADING_OUT, require_actor, services

Events = Annotated[list[Literal[NAMES]], Field(min_length=1, max_length=len(NAMES))]  # type: ignore[valid-type]


Url = Annotated[str, Field(json_schema_extra={"format": "uri"})]


class WebhookRequest(Body):
    """Where to tell what; without `events` all of them."""

    url: Url
    events: Events | None = None


class WebhookChange(Body):
    """What is to be changed; absent members stay as they are."""

    url: Url | SkipJsonSchema[None] = None
    events: Events | SkipJsonSchema[None] = None
    enabled: bool | SkipJsonSchema[None] = None


@blueprint.post("/webhooks")
@described(
    "create_webhook",
    Answer(201, "The webhook, with its secret.", NewWebhook, headers=("Location",)),
    takes=(WebhookRequest,),
    problems=(errors.Conflict, errors.StorageFull),
    scopes=LEADING_OUT,
)
@idempotent(veil=without("secret"))
def create_webhook() -> Once[tuple[Webhook, str]]:
    """Make a webhook. The secret is in this answer and in no other."""
    actor = _manager()
    asked = read_body(request, WebhookRequest)
    events = _unique(asked.events or NAMES)
    return Once(lambda keep: services().webhooks.create(actor, asked.url, events, keep), _created)


def _created(made: tuple[Webhook, str]) -> Response:
    webhook, secret = made
    response = jsonify(**_webhook_json(webhook), secret=secret)
    response.status_code = 201
    response.headers["Location"] = f"/api/v1/webhooks/{webhook.id}"
    return response


@blueprint.get("/webhooks")
@described(
    "list_webhooks",
    Answer(200, "A page of them.", WebhookPage),
    parameters=PAGE,
    scope=Scope.DOCUMENTS_READ,
)
def list_webhooks() -> Response:
    """The caller's webhooks, newest first."""
    actor = require_actor(Scope.DOCUMENTS_READ)
    page, cursor = services().webhooks.list(actor, *page_of(request))
    return jsonify(items=[_webhook_json(one) for one in page], next_cursor=cursor)


@blueprint.get("/webhooks/<webhook_id>")
@described("show_webhook", Answer(200, "As it stands.", Shown), scope=Scope.DOCUMENTS_READ)
def show_webhook(webhook_id: str) -> Response:
    """One webhook."""
    actor = require_actor(Scope.DOCUMENTS_READ)
    known_members(request)
    return jsonify(_webhook_json(services().webhooks.get(actor, webhook_id)))


@blueprint.patch("/webhooks/<webhook_id>")
@described(
    "change_webhook",
    Answer(200, "As it is now.", Shown),
    takes=(WebhookChange,),
    scopes=LEADING_OUT,
)
def change_webhook(webhook_id: str) -> Response:
    """Give it another address or other events, turn it on or off."""
    actor = _manager()
    asked = read_body(request, WebhookChange)
    named = asked.model_fields_set
    empty = [f"/{name}" for name in sorted(named) if getattr(asked, name) is None]
    if empty:
        raise invalid(*((pointer, "not null; leave it out to keep it") for pointer in empty))
    events = None if asked.events is None else _unique(asked.events)
    wanted = Wanted(asked.url, events, asked.enabled)
    return jsonify(_webhook_json(services().webhooks.change(actor, webhook_id, wanted)))


@blueprint.delete("/webhooks/<webhook_id>")
@described("remove_webhook", Answer(204, "It is gone."), scopes=LEADING_OUT)
def remove_webhook(webhook_id: str) -> Response:
    """Tell it nothing any more."""
    services().webhooks.remove(_manager(), webhook_id)
    return Response(status=204)


@blueprint.post("/webhooks/<webhook_id>/test")
@described(
    "test_webhook",
    Answer(202, "It will be delivered.", DeliveryShown),
    takes=(Nothing,),
    optional=True,
    problems=(errors.Conflict, errors.StorageFull),
    scopes=LEADING_OUT,
)
def test_webhook(webhook_id: str) -> Response:
    """Deliver an event that stands for nothing."""
    actor = _manager()
    read_body(request, Nothing)
    return _accepted(services().webhooks.test(actor, webhook_id))


@blueprint.post("/webhooks/<webhook_id>/rotate")
@described(
    "rotate_webhook",
    Answer(200, "The webhook, with its new secret.", NewWebhook),
    takes=(Nothing,),
    optional=True,
    scopes=LEADING_OUT,
)
def rotate_webhook(webhook_id: str) -> Response:
    """A new secret, shown once; for a day the one before signs as well."""
    actor = _manager()
    read_body(request, Nothing)
    webhook, secret = services().webhooks.rotate(actor, webhook_id)
    return jsonify(**_webhook_json(webhook), secret=secret)


@blueprint.get("/webhooks/<webhook_id>/deliveries")
@described(
    "list_deliveries",
    Answer(200, "A page of them.", DeliveryPage),
    parameters=PAGE,
    scope=Scope.DOCUMENTS_READ,
)
def list_deliveries(webhook_id: str) -> Response:
    """What was and is to be delivered, newest first, with each attempt."""
    actor = require_actor(Scope.DOCUMENTS_READ)
    page, cursor = services().webhooks.deliveries(actor, webhook_id, *page_of(request))
    return jsonify(items=[_delivery_json(one) for one in page], next_cursor=cursor)


@blueprint.post("/webhooks/<webhook_id>/deliveries/<delivery_id>/redeliver")
@described(
    "redeliver",
    Answer(202, "It will be delivered again.", DeliveryShown),
    takes=(Nothing,),
    optional=True,
    problems=(errors.Conflict,),
    scopes=LEADING_OUT,
)
def redeliver(webhook_id: str, delivery_id: str) -> Response:
    """Deliver it once more, under the same `webhook-id`."""
    actor = _manager()
    read_body(request, Nothing)
    return _accepted(services().webhooks.redeliver(actor, webhook_id, delivery_id))


def _manager() -> Actor:
    actor = require_actor(*LEADING_OUT)
    check_header()
    known_members(request)
    return actor


def _unique(events: Any) -> list[str]:
    return [name for name in NAMES if name in events]


def _accepted(delivery: Delivery) -> Response:
    response = jsonify(_delivery_json(delivery))
    response.status_code = 202
    return response


def _webhook_json(webhook: Webhook) -> dict[str, Any]:
    return {
        "id": webhook.id,
        "url": webhook.url,
        "events": list(webhook.events),
        "enabled": webhook.disabled_at is None,
        "disabled_at": rfc3339(webhook.disabled_at),
        "disabled_reason": webhook.disabled_reason,
        "created_at": rfc3339(webhook.created_at),
    }


def _delivery_json(delivery: Delivery) -> dict[str, Any]:
    waits = delivery.state is DeliveryState.PENDING
    return {
        "id": delivery.id,
        "event": delivery.event,
        "document_id": delivery.document_id,
        "state": delivery.state.value,
        "created_at": rfc3339(delivery.created_at),
        "next_attempt_at": rfc3339(delivery.not_before) if waits else None,
        "attempts": [_attempt_json(one) for one in delivery.attempts],
    }


def _attempt_json(attempt: Attempt) -> dict[str, Any]:
    return {
        "at": rfc3339(attempt.at),
        "status": attempt.status,
        "error": attempt.error,
        "seconds": attempt.seconds,
    }
