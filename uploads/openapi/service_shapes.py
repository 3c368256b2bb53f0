"""What the API answers about the service itself and its callers: keys, webhooks, policy, health."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from uploads.documents.events import NAMES, TEST
from uploads.documents.model import Role, Scope
from uploads.documents.webhooks import DeliveryState
from uploads.openapi.shapes import Address, Bytes, Count, Cursor, DocumentId, Moment, Shape

EventName = Literal[NAMES]  # type: ignore[valid-type]
KeyId = Annotated[str, Field(pattern="^[0-9a-z]+$")]
WebhookId = Annotated[str, Field(pattern="^whk_[0-9a-z]+$")]


class Key(Shape):
    """An API key, without its text."""

    id: KeyId
    name: str
    scopes: list[Scope]
    created_at: Moment
    last_used_at: Moment | None
    expires_at: Moment | None
    revoked_at: Moment | None


_SECRET = Field(description="Shown once; null where the answer is told again.")


class NewKey(Key):
    """An API key that was just made."""

    secret: Annotated[str | None, _SECRET]


class KeyPage(Shape):
    """Keys, newest first."""

    items: list[Key]
    next_cursor: Cursor


class Webhook(Shape):
    """An address that is told of events. `disabled_reason` is `gone` after an answer of 410."""

    id: WebhookId
    url: Address
    events: list[EventName]
    enabled: bool
    disabled_at: Moment | None
    disabled_reason: str | None
    created_at: Moment


class NewWebhook(Webhook):
    """A webhook with a new secret, with which what is sent to it is signed."""

    secret: Annotated[str | None, _SECRET]


class WebhookPage(Shape):
    """Webhooks, newest first."""

    items: list[Webhook]
    next_cursor: Cursor


class Attempt(Shape):
    """One call: the receiver's status, or one word why there is none or it does not count."""

    at: Moment
    status: int | None
    error: Annotated[str | None, Field(examples=["timeout", "connect-failed", "refused"])]
    seconds: Annotated[float, Field(ge=0)]


class Delivery(Shape):
    """One event on its way to one webhook. Its `id` is the `webhook-id` of every attempt."""

    id: Annotated[str, Field(pattern="^msg_[0-9a-z_]+$")]
    event: Literal[(*NAMES, TEST)]  # type: ignore[valid-type]
    document_id: DocumentId | None
    state: DeliveryState
    created_at: Moment
    next_attempt_at: Moment | None
    attempts: list[Attempt]


class DeliveryPage(Shape):
    """Deliveries, newest first."""

    items: list[Delivery]
    next_cursor: Cursor


class AcceptedType(Shape):
    """A kind of file that is accepted, by its endings, up to a size."""

    type: str
    label: str
    extensions: list[str]
    max_bytes: Bytes


class VirusScanner(Shape):
    configured: bool
    name: str | None
    note: str | None


class Quotas(Shape):
    """What the caller may keep in all; null is no limit. `/me` says how much of it is used."""

    bytes_limit: Bytes | None
    files_limit: Count | None


class Policy(Shape):
    """What is accepted, and how it is inspected."""

    types: list[AcceptedType]
    max_file_bytes: Bytes
    max_name_bytes: Bytes
    quotas: Quotas
    virus_scanner: VirusScanner
    engines: list[str]


class Quota(Shape):
    """What is used, uploads on their way included, and may be used; null is no limit."""

    bytes_used: Bytes
    bytes_limit: Bytes | None
    files_used: Count
    files_limit: Count | None


class Me(Shape):
    """Who is asking."""

    id: str
    email: str
    role: Role
    scopes: list[Scope]
    quota: Quota


class Alive(Shape):
    status: Literal["ok"]


class ReadyPart(Shape):
    """One part. `detail` says more where there is more to say."""

    status: Literal["ok", "degraded", "unavailable"]
    detail: str = ""


class ReadyParts(Shape):
    database: ReadyPart
    storage: ReadyPart
    redis: ReadyPart
    disk: ReadyPart
    virus_scanner: ReadyPart
    engines: ReadyPart
    parser_cell: ReadyPart
    office_previews: ReadyPart
    grants: ReadyPart
    jobs: ReadyPart


class Readiness(Shape):
    """The worst of its parts."""

    status: Literal["ok", "degraded", "unavailable"]
    parts: ReadyParts
