"""What the service needs of its database: units of work over a few collections of facts.

A unit of work is a function that is handed a `Work` and may be run again from the start when the
database asks for it (locked, deadlock, serialization failure): it must do nothing but read and
write records. No network call belongs inside one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from uploads.documents.model import (
    AuditEntry,
    Document,
    Rendition,
    Segment,
    State,
    Usage,
    Verdict,
)
from uploads.records.answering import Answers
from uploads.records.counting import Usages
from uploads.records.granting import Grants
from uploads.records.inspecting import Inspections
from uploads.records.leasing import Jobs
from uploads.records.linking import Links
from uploads.records.proving import Proofs
from uploads.records.quarantining import Quarantine
from uploads.records.signing_in import Accounts
from uploads.records.telling import Deliveries, Events, Webhooks
from uploads.storage.protocol import Bucket

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Leftover:
    """An object that is to be deleted once `due_at` has passed, unless the row is taken back."""

    bucket: Bucket
    key: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class DocumentFilter:
    """What a list shows. Without `states`, deleted and expired documents are left out."""

    states: Collection[State] = ()
    type: str | None = None
    text: str | None = None


class Documents(Protocol):
    """Every change of rows is counted in their owner's usage, in the same transaction.

    What is added as accepted, and every move, is told to the owner's streams and webhooks as the
    document is then: what belongs to a state, its verdict above all, is recorded before the move.
    """

    @property
    def woken(self) -> Sequence[str]:
        """Webhooks to which this unit of work has given something to deliver."""

    def add(self, document: Document) -> Usage:
        """Add one; returns what its owner uses from now on, this document included."""

    def get(self, owner_id: str, document_id: str) -> Document | None:
        """One document of this owner; somebody else's is None, like one that does not exist."""

    def find(self, document_id: str) -> Document | None:
        """One document, whoever owns it: for the worker and the operator only."""

    def named(self, document_ids: Collection[str]) -> Sequence[Document]:
        """Those of these ids that there are, whoever owns them, in no order."""

    def page(
        self, owner_id: str, chosen: DocumentFilter, limit: int, before: tuple[datetime, str] | None
    ) -> Sequence[Document]:
        """Newest first by (created_at, id), strictly older than `before`, at most `limit`."""

    def move(
        self,
        document_id: str,
        expected: Collection[State],
        next_state: State,
        at: datetime,
        **changes: Any,
    ) -> bool:
        """Compare-and-set the state, with column changes in the same statement.

        Returns whether the row was in one of the expected states; name, size, sha256, type,
        clean_key, quarantine_key and expires_at may change along. Raises
        `documents.errors.IllegalMove` when `MOVES` does not allow one of the pairs.
        """

    def change(
        self,
        document_id: str,
        state: State,
        changes: Mapping[str, Any],
        told_at: datetime | None = None,
    ) -> bool:
        """Change `name`, `expires_at` or keys of a document that is in this state and stays.

        With `told_at` whoever follows the owner's events is told. `updated_at` is when it came
        into its state, by which it is kept, withdrawn or let go: that stays in any case.
        """

    def overdue(self, now: datetime, limit: int) -> Sequence[Document]:
        """Accepted documents whose owners wanted them gone by now, and that are not."""

    def add_segment(self, document_id: str, segment: Segment) -> None: ...

    def segments(self, document_id: str) -> Sequence[Segment]:
        """In order of offset."""

    def drop_segments(self, document_id: str) -> Sequence[Segment]:
        """Forget all segments of a document and return what was forgotten."""

    def move_segment(self, document_id: str, segment: Segment, key: str) -> bool:
        """Its bytes have an object of their own now, `key`.

        False where it is gone meanwhile, or its document does not wait any more.
        """

    def held(self, key: str) -> bool:
        """Whether a segment of any document is in this object of `incoming`."""

    def add_verdict(self, document_id: str, verdict: Verdict) -> None:
        """Append a verdict; `Document.verdict` is the newest one."""

    def add_rendition(self, document_id: str, rendition: Rendition) -> bool:
        """Add one, or return False where one of this name is there already."""

    def drop_renditions(self, document_id: str) -> Sequence[Rendition]: ...

    def stalled(
        self, states: Collection[State], before: datetime, limit: int
    ) -> Sequence[Document]:
        """Documents in one of these states whose `updated_at` is older than `before`."""

    def grow(self, document_id: str, size: int, at: datetime) -> Usage | None:
        """The upload is alive and has at least `size` bytes; what its owner uses from now on.

        None when the document is not RECEIVING any more. `size` never goes down: what a client
        announced is set aside for it.
        """

    def remove(self, document_id: str) -> None:
        """Delete the row and everything that hangs on it (verdicts, segments, jobs)."""

    def all(self) -> Iterator[Document]:
        """Every document, for reconciliation."""


class Leftovers(Protocol):
    def add(self, leftover: Leftover) -> None:
        """Announce an object that is to go; announcing it twice keeps the earlier time."""

    def take_back(self, bucket: Bucket, key: str) -> bool:
        """The object is wanted after all: forget the row. False when there is none, or when it
        is doomed: then its bytes may be gone already and must not be counted on."""

    def announced(self, bucket: Bucket, key: str) -> bool:
        """Whether there is a row for this object, doomed or not."""

    def doom(self, now: datetime, limit: int, patience: timedelta) -> Sequence[Leftover]:
        """Mark the due ones, oldest first, and return them, before their objects are deleted: now
        nobody takes them back. A segment that counts is never among them, whatever was said, and
        what documents may share only when it has been due for as long as `patience`.

        Only where all are marked already it is some of these: to delete them was tried in vain.
        """

    def held_up(self, before: datetime, limit: int) -> Sequence[tuple[str, Segment]]:
        """What is due since `before` and not doomed, because it is shared with documents that wait:
        their ids, and their segments in it."""

    def forget(self, bucket: Bucket, key: str) -> None:
        """The object is gone; so is its row."""

    def all(self) -> Iterator[Leftover]: ...


class Audit(Protocol):
    def append(self, entry: AuditEntry) -> None: ...


class Work(Protocol):
    """One unit of work's view of the records."""

    @property
    def documents(self) -> Documents: ...
    @property
    def jobs(self) -> Jobs: ...
    @property
    def accounts(self) -> Accounts: ...
    @property
    def leftovers(self) -> Leftovers: ...
    @property
    def grants(self) -> Grants: ...
    @property
    def links(self) -> Links: ...
    @property
    def quarantine(self) -> Quarantine: ...
    @property
    def answers(self) -> Answers: ...
    @property
    def events(self) -> Events: ...
    @property
    def webhooks(self) -> Webhooks: ...
    @property
    def deliveries(self) -> Deliveries: ...
    @property
    def usages(self) -> Usages: ...
    @property
    def inspections(self) -> Inspections: ...
    @property
    def proofs(self) -> Proofs: ...
    @property
    def audit(self) -> Audit: ...


class Records(Protocol):
    """Raises `documents.errors.RecordsUnavailable` when the database cannot be reached or stays
    locked past its retries. A `write` that returned is committed, one that raised CommitUnknown may
    be, or become it later; all others are not."""

    def read(self, unit: Callable[[Work], T]) -> T: ...

    def glance(self, unit: Callable[[Work], T]) -> T:
        """The same as `read`, for a unit that reads a few rows by their keys in one statement."""

    def write(self, unit: Callable[[Work], T]) -> T: ...

    def write_much(self, unit: Callable[[Work], T]) -> T:
        """Like `write`, for a unit that may touch very many rows."""

    def write_one(self, unit: Callable[[Work], T]) -> T:
        """The same as `write`, for a unit of one verb that says to be one statement. What breaks
        off may have been committed: it is not repeated."""

    def ready(self) -> None:
        """Return when the database answers, has our schema and takes writes; raise otherwise."""

    def check_schema(self) -> None: ...  # Raises `revision.OtherSchema`.
