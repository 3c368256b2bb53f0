"""Files at the quarantine desk as the API and the operator's command show them, as JSON can hold.

Times are RFC 3339 in UTC, sizes in bytes. Knows no framework.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from uploads.documents.desk import Detail
from uploads.documents.model import Verdict
from uploads.documents.readers.members import Members
from uploads.documents.releases import Case, Release
from uploads.documents.showing import engine_json, facts_of, rfc3339, verdict_json

_FACTS = (
    "id",
    "name",
    "size",
    "sha256",
    "declared_type",
    "type",
    "state",
    "verdict",
    "created_at",
    "updated_at",
)


def case_json(case: Case, now: datetime) -> dict[str, Any]:
    """One file in a list: the document's own facts, whose it is, and what is to become of it."""
    facts = facts_of(case.document)
    return {
        **{name: facts[name] for name in _FACTS},
        "owner": _person(case, case.document.owner_id),
        "kept_until": rfc3339(case.kept_until),
        "release": None if case.release is None else _release_json(case, case.release, now),
    }


def detail_json(detail: Detail, now: datetime) -> dict[str, Any]:
    """One file looked at closely; its first bytes in hexadecimal."""
    return {
        **case_json(detail.case, now),
        "verdicts": [_verdict_json(one) for one in detail.verdicts],
        "head": None if detail.head is None else detail.head.hex(),
        "members": None if detail.members is None else _members_json(detail.members),
    }


def _release_json(case: Case, release: Release, now: datetime) -> dict[str, Any]:
    confirmed_by = release.confirmed_by
    return {
        "state": case.release_state(now),
        "sha256": release.sha256,
        "asked_by": _person(case, release.asked_by),
        "asked_at": rfc3339(release.asked_at),
        "asked_reason": release.asked_reason,
        "ends_at": rfc3339(release.ends_at),
        "confirmed_by": None if confirmed_by is None else _person(case, confirmed_by),
        "confirmed_at": rfc3339(release.confirmed_at),
        "confirmed_reason": release.confirmed_reason,
    }


def _person(case: Case, user_id: str) -> dict[str, str]:
    return {"id": user_id, "email": case.emails[user_id]}


def _verdict_json(verdict: Verdict) -> dict[str, Any]:
    """All that was recorded, where a document's verdict is what its owner needs."""
    return {
        **verdict_json(verdict),
        "sha256": verdict.sha256,
        "size": verdict.size,
        "engines": [{**engine_json(report), "reason": report.reason} for report in verdict.engines],
    }


def _members_json(members: Members) -> dict[str, Any]:
    return {
        "count": members.count,
        "complete": members.complete,
        "items": [
            {
                "name": one.name,
                "size": one.size,
                "packed": one.packed,
                "encrypted": one.encrypted,
            }
            for one in members.items
        ],
    }
