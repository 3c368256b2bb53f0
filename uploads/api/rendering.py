"""Grants and links as the contract's JSON. Times are RFC 3339 in UTC, sizes in bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from json import JSONEncoder
from typing import Any

from werkzeug.datastructures import Headers

from uploads.answers import Answer
from uploads.documents.errors import UploadsError
from uploads.documents.granting import SignedRequest
from uploads.documents.grants import Grant, GrantMethod, GrantState
from uploads.documents.links import Link
from uploads.documents.showing import rfc3339
from uploads.errors import noted
from uploads.idempotency import REPLAYED

_as_text = JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def created(members: Mapping[str, Any], status: str, location: str) -> Answer:
    """A new thing as JSON and where it is found: what Flask's `jsonify` would make of it.

    For what programs ask for by the thousand: made whole at once, it costs half as much.
    """
    answer = _made(members, status)
    answer.headers.add("Location", location)
    return answer


def each_told(found: Sequence[dict[str, Any] | UploadsError], *, replayed: bool = False) -> Answer:
    """What became of each of many, as JSON; `replayed` where all were answered before."""
    items = [{"problem": noted(one)} if isinstance(one, UploadsError) else one for one in found]
    answer = _made({"items": items}, "200 OK")
    if replayed:
        answer.headers[REPLAYED] = "true"
    return answer


def _made(members: Mapping[str, Any], status: str) -> Answer:
    body = f"{_as_text(members)}\n".encode()
    headers = Headers()
    headers.add("Content-Type", "application/json")
    headers.add("Content-Length", str(len(body)))
    return Answer([body], status, headers)


def grant_json(
    grant: Grant, state: GrantState, signed: Sequence[SignedRequest], received: Mapping[int, int]
) -> dict[str, Any]:
    """One Grant of the contract; `received` are sizes of parts by number."""
    completed = state is GrantState.COMPLETED
    found: dict[str, Any] = {
        "id": grant.id,
        "method": grant.method.value,
        "state": state.value,
        "expires_at": rfc3339(grant.expires_at),
        "document_id": grant.document_id if completed else None,
        "received": [{"number": n, "size": size} for n, size in sorted(received.items())],
    }
    if grant.method is GrantMethod.PUT:
        return {**found, "request": signed_json(signed[0]) if signed else None}
    parts = [{"number": one.number, "request": signed_json(one)} for one in signed]
    return {**found, "part_size": grant.part_size, "part_count": grant.part_count, "parts": parts}


def link_json(link: Link, url: str) -> dict[str, Any]:
    """One link of the contract; `url` is its address."""
    return {
        "id": link.id,
        "url": url,
        "expires_at": rfc3339(link.expires_at),
        "disposition": link.disposition.value,
        "max_downloads": link.max_downloads,
        "password_protected": link.password_hash is not None,
        "downloads": link.downloads,
        "documents": list(link.documents),
    }


def signed_json(request: SignedRequest) -> dict[str, Any]:
    """What a client has to send, verbatim."""
    return {
        "method": request.method,
        "url": request.url,
        "headers": dict(request.headers),
        "expires_at": rfc3339(request.expires_at),
    }
