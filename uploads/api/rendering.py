"""Documents, grants and links as the contract's JSON. Times are RFC 3339 in UTC, sizes in bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from uploads.documents.granting import SignedRequest
from uploads.documents.grants import Grant, GrantMethod, GrantState
from uploads.documents.links import Link
from uploads.documents.model import Document, EngineReport, Rendition, State, Verdict


def document_json(document: Document, base_url: str) -> dict[str, Any]:
    """One Document of the contract; a tombstone has no name and no digest."""
    self_url = f"{base_url}/api/v1/documents/{document.id}"
    gone = document.state is State.DELETED
    return {
        "id": document.id,
        "name": None if gone else document.name,
        "size": document.size,
        "sha256": None if gone else document.sha256,
        "declared_type": document.declared_type,
        "type": document.type,
        "state": document.state.value,
        "verdict": None if gone or document.verdict is None else verdict_json(document.verdict),
        "renditions": [_rendition_json(one, self_url) for one in document.renditions],
        "created_at": _time(document.created_at),
        "updated_at": _time(document.updated_at),
        "expires_at": _time(document.expires_at),
        "links": {"self": self_url, "content": f"{self_url}/content"},
    }


def grant_json(
    grant: Grant, state: GrantState, signed: Sequence[SignedRequest], received: Mapping[int, int]
) -> dict[str, Any]:
    """One Grant of the contract; `received` are sizes of parts by number."""
    completed = state is GrantState.COMPLETED
    found: dict[str, Any] = {
        "id": grant.id,
        "method": grant.method.value,
        "state": state.value,
        "expires_at": _time(grant.expires_at),
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
        "expires_at": _time(link.expires_at),
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
        "expires_at": _time(request.expires_at),
    }


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    return {
        "outcome": verdict.outcome.value,
        "reason": verdict.reason,
        "inspected_at": _time(verdict.inspected_at),
        "engines": [_engine_json(report) for report in verdict.engines],
    }


def _engine_json(report: EngineReport) -> dict[str, Any]:
    return {
        "name": report.name,
        "version": report.version,
        "signatures": report.signatures,
        "outcome": report.outcome.value,
        "finding": report.finding,
    }


def _rendition_json(rendition: Rendition, self_url: str) -> dict[str, Any]:
    return {
        "name": rendition.name,
        "type": rendition.type,
        "width": rendition.width,
        "height": rendition.height,
        "size": rendition.size,
        "url": f"{self_url}/renditions/{rendition.name}",
    }


def _time(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
