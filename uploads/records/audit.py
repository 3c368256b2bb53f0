"""The audit trail: lines are appended and never changed."""

from __future__ import annotations

from sqlalchemy import Connection, insert

from uploads.documents.model import AuditEntry
from uploads.records.tables import audit


class SqlAudit:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def append(self, entry: AuditEntry) -> None:
        self._connection.execute(
            insert(audit).values(
                at=entry.at,
                actor=entry.actor,
                action=entry.action,
                subject=entry.subject,
                detail=dict(entry.detail),
            )
        )
