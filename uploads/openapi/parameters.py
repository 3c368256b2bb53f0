"""What is asked in addresses and headers. Views read bounds from here, so they are said once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from uploads.documents.model import State
from uploads.documents.releases import AT_DESK


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a request. `schema` is a JSON Schema.

    `called` tells two of one name and place apart, which mean different things.
    """

    name: str
    place: Literal["path", "query", "header"]
    says: str
    schema: Mapping[str, Any]
    called: str = ""

    @property
    def key(self) -> str:
        """What it is called among the components."""
        return f"{self.place}.{self.called or self.name}"

    def as_openapi(self) -> dict[str, Any]:
        """The Parameter Object."""
        found = {"name": self.name, "in": self.place, "description": self.says}
        return {**found, "required": self.place == "path", "schema": dict(self.schema)}


def _number(name: str, says: str, default: int, lowest: int, highest: int) -> Parameter:
    bounds = {"minimum": lowest, "maximum": highest, "default": default}
    return Parameter(name, "query", says, {"type": "integer", **bounds})


def _id(name: str, says: str, prefix: str) -> Parameter:
    return Parameter(name, "path", says, {"type": "string", "pattern": f"^{prefix}[0-9a-z]+$"})


LIMIT = _number("limit", "How many entries a page has at most.", 50, 1, 200)
CURSOR = Parameter(
    "cursor",
    "query",
    "Where to go on: `next_cursor` of the page before, as it was given.",
    {"type": "string", "format": "cursor"},
)
PAGE = (LIMIT, CURSOR)
WAIT = _number("wait", "Seconds to wait for the next change of an unsettled document.", 0, 0, 30)
STATE = Parameter(
    "state",
    "query",
    "Only documents in this state, or in one of these. Deleted and expired ones are listed only "
    "when they are asked for.",
    {"type": "array", "items": {"type": "string", "enum": list(State)}},
)
TYPE = Parameter("type", "query", "Only documents of this media type.", {"type": "string"})
QUERY = Parameter("q", "query", "Only documents with this in their name.", {"type": "string"})
DESK_STATE = Parameter(
    "state",
    "query",
    "Only files in this state, or in one of these; released ones are listed only when they are "
    "asked for.",
    {"type": "array", "items": {"type": "string", "enum": sorted(AT_DESK)}},
    "desk-state",
)
OWNER = Parameter("owner", "query", "Only this user's, by id or email.", {"type": "string"})
DESK_QUERY = Parameter(
    "q",
    "query",
    "Only files with this in their name, or with this SHA-256.",
    {"type": "string"},
    "desk-q",
)
NAME = Parameter(
    "name",
    "query",
    "The file's name, for a raw body without Content-Disposition.",
    {"type": "string"},
)
DISPOSITION = Parameter(
    "Content-Disposition",
    "header",
    "Of a raw body: `attachment; filename*=UTF-8''report.pdf` (RFC 6266, RFC 8187).",
    {"type": "string"},
)
REPR_DIGEST = Parameter(
    "Repr-Digest",
    "header",
    "The file's SHA-256 (RFC 9530). Enforced where it is sent.",
    {"type": "string", "pattern": "^sha-256=:[A-Za-z0-9+/]{43}=:$"},
)
IDEMPOTENCY_KEY = Parameter(
    "Idempotency-Key",
    "header",
    "Makes it safe to send the request again: for a day the same request under the same key is "
    "done once and answered alike, refusals included. 5xx, 429 and the refusal of a file leave the "
    "key free. Any visible ASCII.",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
)
LAST_EVENT_ID = Parameter(
    "Last-Event-ID",
    "header",
    "The last id that was seen: the stream goes on behind it.",
    {"type": "string", "pattern": "^[0-9]{1,18}$"},
)
RANGE = Parameter(
    "Range", "header", "One range of the bytes (RFC 9110 section 14.2).", {"type": "string"}
)
IF_RANGE = Parameter(
    "If-Range",
    "header",
    "The entity-tag or date of what the range is to go on from.",
    {"type": "string"},
)
IF_MATCH = Parameter("If-Match", "header", "Entity-tags, one of which it must have.", RANGE.schema)
IF_NONE_MATCH = Parameter(
    "If-None-Match", "header", "Entity-tags that the client has already.", RANGE.schema
)
IF_MODIFIED_SINCE = Parameter(
    "If-Modified-Since", "header", "The date of what the client has already.", RANGE.schema
)
IF_UNMODIFIED_SINCE = Parameter(
    "If-Unmodified-Since", "header", "The date since when it must not have changed.", RANGE.schema
)
CONDITIONS = (IF_MATCH, IF_UNMODIFIED_SINCE, IF_NONE_MATCH, IF_MODIFIED_SINCE)

_TOKEN = {"type": "string", "minLength": 1}
PATH = {
    one.name: one
    for one in (
        _id("document_id", "The id of a document.", "doc_"),
        _id("upload_id", "The id of an upload.", "upl_"),
        _id("link_id", "The id of a link.", "lnk_"),
        _id("key_id", "The id of a key, which is not its text.", ""),
        _id("webhook_id", "The id of a webhook.", "whk_"),
        Parameter(
            "delivery_id",
            "path",
            "The id of a delivery, which is its `webhook-id`.",
            {"type": "string", "pattern": "^msg_[0-9a-z_]+$"},
        ),
        Parameter(
            "name",
            "path",
            "The rendition's name, as the document lists it.",
            {"type": "string", "pattern": "^[a-z0-9-]+$"},
        ),
        Parameter("token", "path", "What an address was given out with.", _TOKEN),
        Parameter("ticket", "path", "What the use of a link was led to.", _TOKEN),
    )
}
"""The parameters of all paths, by name."""
