"""Plain examples of the model's values, for tests that need one and care about a few fields."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from uploads.documents.grants import Grant, GrantMethod, GrantState
from uploads.documents.model import (
    Document,
    EngineReport,
    Job,
    JobKind,
    JobState,
    Outcome,
    Rendition,
    Role,
    State,
    User,
    Verdict,
)

NOW = datetime(2026, 3, 4, 5, 6, 7, 890_123, tzinfo=UTC)
SHA256 = "ab" * 32


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def user(user_id: str = "usr_1", **changes: Any) -> User:
    values: dict[str, Any] = {
        "id": user_id,
        "email": f"{user_id}@example.org",
        "password_hash": "hash",
        "role": Role.USER,
        "created_at": NOW,
    }
    return User(**{**values, **changes})


def document(document_id: str = "doc_1", **changes: Any) -> Document:
    values: dict[str, Any] = {
        "id": document_id,
        "owner_id": "usr_1",
        "name": "Report.pdf",
        "size": 5_000_000_000,
        "declared_type": "application/x-pdf",
        "type": "application/pdf",
        "state": State.QUARANTINED,
        "created_at": NOW,
        "updated_at": NOW,
        "sha256": SHA256,
    }
    return Document(**{**values, **changes})


def job(job_id: str = "job_1", document_id: str = "doc_1", **changes: Any) -> Job:
    values: dict[str, Any] = {
        "id": job_id,
        "kind": JobKind.INSPECT,
        "document_id": document_id,
        "owner_id": "usr_1",
        "state": JobState.DUE,
        "not_before": NOW,
        "created_at": NOW,
    }
    return Job(**{**values, **changes})


def verdict(outcome: Outcome = Outcome.CLEAN, **changes: Any) -> Verdict:
    values: dict[str, Any] = {
        "outcome": outcome,
        "reason": None,
        "sha256": SHA256,
        "size": 5_000_000_000,
        "inspected_at": NOW,
        "engines": (
            EngineReport("clamav", "1.4.6", Outcome.CLEAN, signatures="27461/2026-03-04"),
            EngineReport("yara", "1", Outcome.INFECTED, finding="Eicar"),
            EngineReport("structure", "1", Outcome.UNSCANNABLE, reason="encrypted"),
        ),
    }
    return Verdict(**{**values, **changes})


def rendition(name: str = "thumbnail-200", key: str = "k/1") -> Rendition:
    return Rendition(name, "image/webp", 200, 283, 5120, key)


def grant(grant_id: str = "upl_1", size: int = 100) -> Grant:
    """Open, of parts of 40 bytes."""
    return Grant(
        id=grant_id,
        owner_id="usr_1",
        name="Film.mp4",
        size=size,
        declared_type="video/mp4",
        type="video/mp4",
        sha256=SHA256,
        method=GrantMethod.MULTIPART,
        part_size=40,
        state=GrantState.OPEN,
        created_at=NOW,
        expires_at=NOW + timedelta(days=1),
    )
