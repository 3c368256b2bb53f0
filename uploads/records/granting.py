"""What the records keep of grants: the protocol that `Work` has for them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from uploads.documents.grants import Grant, GrantState
from uploads.documents.model import Document, Job, Usage


class Grants(Protocol):
    """An open grant counts for its owner like a document of its size."""

    def add(self, grant: Grant) -> Usage:
        """Add one; returns what its owner uses from now on, this grant included."""

    def add_within(self, grant: Grant, most_bytes: int, most_files: int) -> bool:
        """Add one where its owner then uses no more than these, or than the owner's own limits.

        0 is no limit. One statement, for `write_one`. False is no answer to whether there is room:
        of an owner who never kept anything nothing is known here.
        """

    def complete(self, grant: Grant, document: Document, job: Job) -> bool:
        """Make this document of an open grant, with its parts as segments and this job.

        One statement, for `write_one`. Whether it was open: of many at once only one is told so.
        """

    def get(self, owner_id: str, grant_id: str) -> Grant | None:
        """One grant of this owner; somebody else's is None, like one that does not exist."""

    def end(self, grant_id: str, state: GrantState) -> bool:
        """Move an open grant to one of the final states and return its room to the owner.

        Whether it was open: of two that end it at the same time, only one is told so.
        """

    def names(self, key: str) -> bool:
        """Whether an open grant lets somebody put an object under this key of `incoming`."""

    def overdue(self, now: datetime, limit: int) -> Sequence[Grant]:
        """Open grants whose time is up, the oldest first."""

    def remove_ended(self, expired_before: datetime) -> int:
        """Forget grants that are not open and would long have expired; returns how many."""
