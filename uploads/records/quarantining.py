"""What the records keep for the quarantine desk: the protocol that `Work` has for it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from uploads.documents.model import State, Verdict
from uploads.documents.releases import WAITING_AT_DESK, Case, Release


@dataclass(frozen=True, slots=True)
class DeskFilter:
    """What the desk's list shows. `owner` is an id or an address; `text` is in the name, or it is
    the file's SHA-256."""

    states: Collection[State] = WAITING_AT_DESK
    owner: str | None = None
    text: str | None = None


class Quarantine(Protocol):
    """Files of all owners: for administrators and the worker only."""

    def page(
        self, chosen: DeskFilter, limit: int, before: tuple[datetime, str] | None
    ) -> Sequence[Case]:
        """Newest first by (created_at, id), strictly older than `before`, at most `limit`; failed
        ones only while bytes of them are kept."""

    def find(self, document_id: str) -> Case | None:
        """One document, in whatever state."""

    def hold(self, document_id: str) -> None:
        """Keep a document's row from being changed by others until the commit."""

    def verdicts(self, document_id: str) -> Sequence[Verdict]:
        """All that was ever said of it, newest first."""

    def keep(self, release: Release) -> None:
        """Record where a release stands, in the place of any other of the same document."""

    def release_of(self, document_id: str) -> Release | None: ...

    def forget(self, document_id: str) -> None:
        """The bytes go, and with them what was asked about them."""
