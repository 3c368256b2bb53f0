"""A document as the API shows it: in answers, in events and to webhooks, always the same.

Facts and addresses apart: what is recorded of a moment keeps the facts, and the service's address
is put in when it is shown. Times are RFC 3339 in UTC, sizes in bytes. Knows no framework.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from uploads.documents.model import GONE, Document, EngineReport, Rendition, State, Verdict


def document_json(document: Document, base_url: str) -> dict[str, Any]:
    """One Document of the contract; a tombstone has no name and no digest."""
    return with_addresses(facts_of(document), base_url)


def facts_of(document: Document) -> dict[str, Any]:
    """All of the contract's Document but its addresses, as JSON can hold it."""
    gone = document.state is State.DELETED
    pictures = () if document.state in GONE else document.renditions
    return {
        "id": document.id,
        "name": None if gone else document.name,
        "size": document.size,
        "sha256": None if gone else document.sha256,
        "declared_type": document.declared_type,
        "type": document.type,
        "state": document.state.value,
        "verdict": None if gone or document.verdict is None else verdict_json(document.verdict),
        "renditions": [_rendition_json(one) for one in pictures],
        "created_at": rfc3339(document.created_at),
        "updated_at": rfc3339(document.updated_at),
        "expires_at": rfc3339(document.expires_at),
    }


def with_addresses(facts: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    """These facts as the contract's Document, with where it and its pictures are found."""
    self_url = f"{base_url}/api/v1/documents/{facts['id']}"
    pictures = [
        {**one, "url": f"{self_url}/renditions/{one['name']}"} for one in facts["renditions"]
    ]
    links = {"self": self_url, "content": f"{self_url}/content"}
    return {**facts, "renditions": pictures, "links": links}


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    return {
        "outcome": verdict.outcome.value,
        "reason": verdict.reason,
        "inspected_at": rfc3339(verdict.inspected_at),
        "engines": [engine_json(report) for report in verdict.engines],
    }


# An upload's moment stands in several members of an event, and again in the answer.
@lru_cache(maxsize=64)
def rfc3339(moment: datetime | None) -> str | None:
    """A point in time in UTC, in milliseconds."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def engine_json(report: EngineReport) -> dict[str, Any]:
    """What one engine said, as a document's owner is told."""
    return {
        "name": report.name,
        "version": report.version,
        "signatures": report.signatures,
        "outcome": report.outcome.value,
        "finding": report.finding,
    }


def _rendition_json(rendition: Rendition) -> dict[str, Any]:
    return {
        "name": rendition.name,
        "type": rendition.type,
        "width": rendition.width,
        "height": rendition.height,
        "size": rendition.size,
    }
