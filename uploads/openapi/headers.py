"""The headers of answers, by name."""

from __future__ import annotations

from typing import Any

REQUEST_ID = "X-Request-Id"
RATES = ("RateLimit", "RateLimit-Policy")
REPLAYED = "Idempotent-Replayed"
RETRY_AFTER = "Retry-After"
# Under the same name, for answers that have it only for one of their reasons.
RETRY_AFTER_RUNNING = "Retry-After.running"
AUTHENTICATE = "WWW-Authenticate"
RANGE = "Content-Range"
KEPT = ("ETag", "Last-Modified")
STATE = "Uploads-State"
ALWAYS = (REQUEST_ID, *RATES)
_SOMETIMES = {*RATES, *KEPT, STATE, REPLAYED, RETRY_AFTER_RUNNING}

_TEXT: dict[str, Any] = {"type": "string"}
HEADERS: dict[str, tuple[str, dict[str, Any]]] = {
    REQUEST_ID: (
        "The request's id, which the operator finds in the logs.",
        {"type": "string", "pattern": "^[A-Za-z0-9._-]{8,64}$"},
    ),
    "RateLimit": (
        'What is left until one refuses, for uploads of each: `"policy";r=left;t=seconds` (draft).',
        _TEXT,
    ),
    "RateLimit-Policy": ('Those limits themselves: `"policy";q=quota;w=seconds`.', _TEXT),
    RETRY_AFTER: (
        "Seconds to wait before the request is sent again.",
        {"type": "integer", "minimum": 0},
    ),
    RETRY_AFTER_RUNNING: (
        "Seconds to wait, where the first request under the same Idempotency-Key still runs.",
        {"type": "integer", "minimum": 0},
    ),
    AUTHENTICATE: ("How to say who is asking (RFC 9110 section 11.6.1).", _TEXT),
    REPLAYED: (
        "The answer is that of an earlier request under the same Idempotency-Key.",
        {"type": "string", "const": "true"},
    ),
    "Location": ("Where it is.", {"type": "string", "format": "uri-reference"}),
    "Content-Disposition": (
        "The name to keep it under (RFC 6266); that of a released file begins with `released-`.",
        _TEXT,
    ),
    RANGE: ("Which bytes these are (RFC 9110 section 14.4).", _TEXT),
    "Content-Length": ("How many bytes it has.", {"type": "integer", "minimum": 0}),
    "Repr-Digest": ("The inspected SHA-256: `sha-256=:<base64>:` (RFC 9530).", _TEXT),
    "Accept-Ranges": ("`bytes`, or `none` for an archive.", _TEXT),
    "ETag": ("A strong entity-tag, made of the inspected SHA-256. An archive has none.", _TEXT),
    STATE: (
        "Some of it was refused, and then released by two administrators.",
        {"type": "string", "const": "released"},
    ),
    "Last-Modified": ("When the document became what it is.", _TEXT),
}
"""What each header says and the schema of its value."""


def as_openapi(name: str) -> dict[str, Any]:
    """The Header Object of one of them."""
    says, schema = HEADERS[name]
    return {"description": says, "required": name not in _SOMETIMES, "schema": schema}
