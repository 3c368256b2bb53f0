"""A large library, made in seconds: rows as uploads and their inspection leave them.

Written past the service, so it must follow its tables: documents that are clean, each with its
verdict, its finished job and its line in the trail. A settled document has no segments any more.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, insert

from uploads.clock import new_id
from uploads.documents.model import EngineReport, JobKind, JobState, Outcome, State, Verdict
from uploads.records import verdicts
from uploads.records.tables import audit, documents, jobs
from uploads.records.tables import verdicts as verdict_rows

_BATCH = 20_000
_APART = timedelta(seconds=20)
_SIZE = 100 * 1024
_ENGINES = (
    EngineReport("structure", "1", Outcome.CLEAN),
    EngineReport("yara", "1.22.0", Outcome.CLEAN, signatures="3f1c9a5e7b2d"),
    EngineReport("clamav", "1.4.6", Outcome.CLEAN, signatures="27461/2026-11-19"),
)
_TABLES = (documents, verdict_rows, jobs, audit)


def insert_documents(engine: Engine, owner_id: str, count: int) -> None:
    """Give one user so many documents, the oldest first, 20 seconds apart up to now."""
    newest = datetime.now(UTC)
    for start in range(0, count, _BATCH):
        rows = [
            _rows(owner_id, number, newest - (count - number) * _APART)
            for number in range(start, min(count, start + _BATCH))
        ]
        with engine.begin() as connection:
            for place, table in enumerate(_TABLES):
                connection.execute(insert(table), [row[place] for row in rows])


def _rows(owner_id: str, number: int, at: datetime) -> tuple[dict[str, Any], ...]:
    """One row for each of the tables."""
    document_id, name = f"doc_{new_id()}", f"Report {number} of the year.mp4"
    sha256 = hashlib.sha256(document_id.encode()).hexdigest()
    verdict = verdicts.to_json(Verdict(Outcome.CLEAN, None, sha256, _SIZE, at, _ENGINES))
    document = {
        "id": document_id,
        "owner_id": owner_id,
        "name": name,
        "name_folded": name.lower(),
        "size": _SIZE,
        "declared_type": "video/mp4",
        "type": "video/mp4",
        "state": State.CLEAN.value,
        "created_at": at,
        "updated_at": at,
        "sha256": sha256,
        "clean_key": f"{document_id.removeprefix('doc_')}/{new_id()}",
        "verdict": verdict,
    }
    return document, _kept(document), _job(document), _line(document)


def _job(document: dict[str, Any]) -> dict[str, Any]:
    """The inspection, done at its first start."""
    return {
        "id": new_id(),
        "kind": JobKind.INSPECT.value,
        "document_id": document["id"],
        "state": JobState.DONE.value,
        "not_before": document["created_at"],
        "created_at": document["created_at"],
        "token": 1,
        "starts": 1,
        "deferrals": 0,
        "late": 0,
    }


def _kept(document: dict[str, Any]) -> dict[str, Any]:
    """The verdict's own row."""
    return {
        "document_id": document["id"],
        "inspected_at": document["updated_at"],
        "sha256": document["sha256"],
        "verdict": document["verdict"],
    }


def _line(document: dict[str, Any]) -> dict[str, Any]:
    """The line in the trail."""
    return {
        "at": document["updated_at"],
        "actor": "worker",
        "action": "document.clean",
        "subject": document["id"],
        "detail": {"sha256": document["sha256"], "reason": None, "findings": []},
    }
