"""Changes a document in what its owner may decide: what it is called, and when it goes.

The name is judged as at the upload, and must still say what the document is. What it is, in which
state, and whose, is nobody's to change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from uploads.documents.errors import Conflict, Gone, Invalid, NotFound, UploadsError
from uploads.documents.model import GONE, Actor, AuditEntry, Document
from uploads.documents.names import clean_name
from uploads.documents.policy import Policy
from uploads.records.protocol import Records, Work

LATEST = timedelta(days=36_500)


class Changing:
    """The verb `change`. Somebody else's document does not exist."""

    def __init__(
        self,
        *,
        records: Records,
        policy: Policy,
        clock: Callable[[], datetime],
        max_name_bytes: int,
    ) -> None:
        self._records = records
        self._policy = policy
        self._clock = clock
        self._max_name_bytes = max_name_bytes

    def change(self, actor: Actor, document_id: str, wanted: Mapping[str, Any]) -> Document:
        """The document with another `name`, another `expires_at` (None: never), or both.

        Raises NotFound, Gone for a document that was deleted or has expired, and Invalid with a
        pointer for a name that does not fit or a time that is not ahead.
        """

        def unit(work: Work) -> Document:
            document = work.documents.get(actor.user_id, document_id)
            if document is None:
                raise NotFound
            if document.state in GONE:
                raise Gone("The document was deleted or has expired. Nothing of it can be changed.")
            now = self._clock()
            changes = self._judged(document, wanted, now)
            if not changes:
                return document
            if not work.documents.change(document_id, document.state, changes, told_at=now):
                raise Conflict
            detail = {"changed": sorted(changes)}
            entry = AuditEntry(now, actor.user_id, "document.changed", document_id, detail)
            work.audit.append(entry)
            return replace(document, **changes)

        return self._records.write(unit)

    def _judged(
        self, document: Document, wanted: Mapping[str, Any], now: datetime
    ) -> dict[str, Any]:
        changes: dict[str, Any] = {}
        if "name" in wanted:
            changes["name"] = self._name(document, wanted["name"])
        if "expires_at" in wanted:
            ends: datetime | None = wanted["expires_at"]
            if ends is not None and not now < ends <= now + LATEST:
                raise _invalid("/expires_at", "a time ahead, within a hundred years")
            changes["expires_at"] = ends
        return changes

    def _name(self, document: Document, untrusted_name: str) -> str:
        try:
            name = clean_name(untrusted_name, self._max_name_bytes)
            kind = self._policy.by_name(name)
        except UploadsError as refusal:
            raise _invalid("/name", refusal.public) from refusal
        if kind.type != document.type:
            raise _invalid("/name", f"an ending that fits {document.type}")
        return name


def _invalid(pointer: str, detail: str) -> Invalid:
    return Invalid(
        f"Not valid: {pointer}: {detail}", errors=[{"pointer": pointer, "detail": detail}]
    )
