"""Taking a clean verdict back: what is no longer vouched for is served no more, and looked at anew.

The bytes stay where they are; the inspection that follows reads them there.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from uploads.documents.model import AuditEntry, Job, JobKind, State
from uploads.records.protocol import Work


def withdraw(
    work: Work, document_id: str, job_id: str, now: datetime, detail: Mapping[str, Any]
) -> bool:
    """Put a clean document back into quarantine, with a new job to inspect it, in this commit.

    Returns whether it was clean. `detail` says why, in the audit trail.
    """
    if not work.documents.move(document_id, {State.CLEAN}, State.QUARANTINED, now):
        return False
    document = work.documents.find(document_id)
    assert document is not None, "it was just moved"
    work.jobs.cancel(document_id)
    work.jobs.add(Job.about(document, JobKind.INSPECT, job_id, now))
    work.audit.append(AuditEntry(now, "worker", "document.withdrawn", document_id, detail))
    return True
