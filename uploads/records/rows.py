"""Documents and renditions as rows, and rows as documents and renditions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from uploads.documents.model import Document, Rendition, State
from uploads.records import verdicts
from uploads.records.filters import folded


def values_of(document: Document) -> dict[str, Any]:
    """Every column of a new document."""
    return {
        "id": document.id,
        "owner_id": document.owner_id,
        "name": document.name,
        "name_folded": folded(document.name),
        "size": document.size,
        "declared_type": document.declared_type,
        "type": document.type,
        "state": document.state.value,
        "created_at": document.created_at,
        "updated_at": document.updated_at,
        "sha256": document.sha256,
        "promised_sha256": document.promised_sha256,
        "expires_at": document.expires_at,
        "clean_key": document.clean_key,
        "quarantine_key": document.quarantine_key,
    }


def document_of(row: Row[Any], pictures: Sequence[Rendition]) -> Document:
    """The document of a row, with its pictures."""
    return Document(
        id=row.id,
        owner_id=row.owner_id,
        name=row.name,
        size=row.size,
        declared_type=row.declared_type,
        type=row.type,
        state=State(row.state),
        created_at=row.created_at,
        updated_at=row.updated_at,
        sha256=row.sha256,
        promised_sha256=row.promised_sha256,
        verdict=None if row.verdict is None else verdicts.from_json(row.verdict),
        renditions=tuple(pictures),
        expires_at=row.expires_at,
        clean_key=row.clean_key,
        quarantine_key=row.quarantine_key,
    )


def rendition_of(row: Row[Any]) -> Rendition:
    return Rendition(
        name=row.name,
        type=row.type,
        width=row.width,
        height=row.height,
        size=row.size,
        key=row.key,
    )
