"""What the service sends to webhooks, in the form of Standard Webhooks 1.0.0."""

from __future__ import annotations

from typing import Any

from uploads.documents.events import NAMES, TEST
from uploads.documents.model import State
from uploads.documents.webhooks import GIVE_UP_AFTER
from uploads.openapi.service_shapes import WebhookId
from uploads.openapi.shapes import Document, Moment, Shape

_HEADERS = {
    "webhook-id": ("The delivery's id, the same in every attempt.", "^msg_[0-9a-z_]+$"),
    "webhook-timestamp": ("When this attempt began, in seconds since 1970.", "^[0-9]+$"),
    "webhook-signature": (
        "`v1,` and a HMAC-SHA256 in base64 for each secret, separated by spaces.",
        "^v1,[A-Za-z0-9+/=]+( v1,[A-Za-z0-9+/=]+)*$",
    ),
}
_SAYS = {
    "withdrawn": "A clean document's verdict was withdrawn; it is inspected anew.",
    State.CLEAN.value: "A document was found clean, or is clean again.",
    State.INFECTED.value: "A document was found infected, be it clean before.",
    State.REJECTED.value: "A document was refused for what is in it.",
    State.UNSCANNABLE.value: "A document could not be inspected.",
    State.FAILED.value: "A document was given up: its bytes are lost, or inspecting it failed.",
    State.RELEASED.value: "A document was released by two administrators.",
    State.DELETED.value: "A document was deleted; `data` is its tombstone.",
    State.EXPIRED.value: "A document has expired.",
}


class DocumentEvent(Shape):
    """Something happened to a document. `data` is the document as it was then."""

    type: str
    timestamp: Moment
    data: Document


class TestData(Shape):
    webhook_id: WebhookId


class TestEvent(Shape):
    """An event that stands for nothing."""

    type: str
    timestamp: Moment
    data: TestData


def webhooks() -> dict[str, Any]:
    """The Path Item of every event, by its name."""
    found = {name: _item(name, _SAYS[name.partition(".")[2]], "DocumentEvent") for name in NAMES}
    return {**found, TEST: _item(TEST, "A delivery that somebody asked for.", "TestEvent")}


def _item(name: str, says: str, shape: str) -> dict[str, Any]:
    hours = round(GIVE_UP_AFTER.total_seconds() / 3600)
    schema = {"$ref": f"#/components/schemas/{shape}", "properties": {"type": {"const": name}}}
    return {
        "post": {
            "operationId": name,
            "tags": ["webhooks"],
            "summary": says,
            "parameters": [
                {
                    "name": header,
                    "in": "header",
                    "required": True,
                    "description": about,
                    "schema": {"type": "string", "pattern": pattern},
                }
                for header, (about, pattern) in _HEADERS.items()
            ],
            "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
            "responses": {
                "2XX": {"description": "It has arrived."},
                "410": {"description": "Nobody wants it: the webhook is disabled."},
                "default": {
                    "description": "It is sent again, with growing pauses, for "
                    f"{hours} hours; redirects are not followed."
                },
            },
            "security": [],
        }
    }
