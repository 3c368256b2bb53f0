"""What the API answers, as models. Nothing is rendered with them: a request pays nothing for them.

What the views render is held against them by tests, with no member more or less.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from uploads.documents.grants import GrantState
from uploads.documents.links import Disposition
from uploads.documents.model import Outcome, State
from uploads.openapi.examples import DOCUMENT

Moment = Annotated[
    str,
    Field(
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$",
        json_schema_extra={"format": "date-time"},
    ),
]
"""A time in UTC (RFC 3339), in milliseconds."""
Address = Annotated[str, Field(json_schema_extra={"format": "uri"})]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Bytes = Annotated[int, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]


def _id(prefix: str) -> Any:
    return Field(pattern=f"^{prefix}[0-9a-z]+$")


DocumentId = Annotated[str, _id("doc_")]
UploadId = Annotated[str, _id("upl_")]
LinkId = Annotated[str, _id("lnk_")]
Cursor = Annotated[str | None, Field(description="Of the next page; null on the last one.")]


class Shape(BaseModel):
    """Base of all of them: exactly these members. None is built before somebody asks for it."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class EngineReport(Shape):
    """One engine's word on the file."""

    name: str
    version: str
    signatures: str | None
    outcome: Outcome
    finding: str | None


class Verdict(Shape):
    """What the engines said of exactly these bytes. `reason` says why not clean."""

    outcome: Literal[Outcome.CLEAN, Outcome.INFECTED, Outcome.UNSCANNABLE, Outcome.ERROR]
    reason: Annotated[
        str | None,
        Field(examples=["encrypted", "too-large", "bomb", "unknown-packing"]),
    ]
    inspected_at: Moment
    engines: list[EngineReport]


class Rendition(Shape):
    """A picture of the document. Width and height in pixels."""

    name: Annotated[str, Field(examples=["thumbnail-200", "page-1"])]
    type: str
    width: Count
    height: Count
    size: Bytes
    url: Address


class DocumentLinks(Shape):
    self: Address
    content: Address


class Document(Shape):
    """One file and what is known of it.

    Unsettled while `receiving`, `quarantined` or `scanning`; its content is handed out when it is
    `clean` or `released`. `sha256` is null until the bytes were read whole, `verdict` before the
    first one. `updated_at` is when it came into its state; another name does not
    move it. Of a deleted document a tombstone is left, without name, digest and verdict.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [DOCUMENT]})

    id: DocumentId
    name: str | None
    size: Bytes
    sha256: Digest | None
    declared_type: str | None
    type: str
    state: State
    verdict: Verdict | None
    renditions: list[Rendition]
    created_at: Moment
    updated_at: Moment
    expires_at: Moment | None
    links: DocumentLinks


class DocumentPage(Shape):
    """Documents, newest first."""

    items: list[Document]
    next_cursor: Cursor


class SignedRequest(Shape):
    """A request to the store. Every header is part of the signature: send all, change none."""

    method: Literal["PUT"]
    url: Address
    headers: dict[str, str]
    expires_at: Moment


class Part(Shape):
    """A part of an upload, counted from 1."""

    number: Annotated[int, Field(ge=1)]
    request: SignedRequest


class ReceivedPart(Shape):
    """A part that has arrived, and its size."""

    number: Annotated[int, Field(ge=1)]
    size: Bytes


class _Upload(Shape):
    id: UploadId
    state: GrantState
    expires_at: Moment
    document_id: DocumentId | None
    received: list[ReceivedPart]


class PutUpload(_Upload):
    """An upload by one PUT. `request` is null when it is no longer open."""

    method: Literal["put"]
    request: SignedRequest | None


class MultipartUpload(_Upload):
    """An upload in parts: PUTs that may be sent in any order and again, the first 100 given here.

    Each part has `part_size` bytes but the last one, which has what is left.
    """

    method: Literal["multipart"]
    part_size: Bytes
    part_count: Annotated[int, Field(ge=1)]
    parts: list[Part]


class Upload(RootModel[Annotated[PutUpload | MultipartUpload, Field(discriminator="method")]]):
    """A grant to put a file into the store. It ends after a day, each of its URLs far earlier."""


class Parts(Shape):
    """Fresh requests."""

    parts: list[Part]


class Link(Shape):
    """What gives documents to people without an account. `downloads` counts its uses."""

    id: LinkId
    url: Address
    expires_at: Moment | None
    disposition: Disposition
    max_downloads: Annotated[int, Field(ge=1)] | None
    password_protected: bool
    downloads: Count
    documents: list[DocumentId]


class LinkPage(Shape):
    """Links, newest first."""

    items: list[Link]
    next_cursor: Cursor
