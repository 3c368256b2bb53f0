"""What the service needs of its database for jobs: leases, one holder each, whose turn it is."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from uploads.documents.model import Job, JobKind


@dataclass(frozen=True, slots=True)
class Waiting:
    """An owner with jobs of a kind that are not done.

    `since` is from when on the first of them can be begun that nobody has leased, None where none
    can; `leased` counts those that are under way, `turn_at` is when one was last begun.
    """

    owner_id: str
    since: datetime | None
    leased: int
    turn_at: datetime | None


class Jobs(Protocol):
    def add(self, job: Job) -> None: ...

    def get(self, job_id: str) -> Job | None: ...

    def lease(self, job_id: str, now: datetime, until: datetime) -> Job | None:
        """Take a due job: token and starts go up by one. None when it is not to be had now.

        It is a turn of its owner's.
        """

    def lease_of(self, owner_id: str, kind: JobKind, now: datetime, until: datetime) -> Job | None:
        """The same with the owner's job of this kind that could have been begun for longest."""

    def owners_waiting(
        self, kind: JobKind, now: datetime, after: str, limit: int
    ) -> Sequence[Waiting]:
        """The owners of jobs of this kind that are not done: those whose ids come after this one,
        by id, so many at most. It costs the same however many jobs each of them has."""

    def renew(self, job: Job, until: datetime) -> bool:
        """Lengthen the lease, if this token still holds it."""

    def finish(self, job: Job) -> bool:
        """Mark done, if this token still holds it and the job is still due."""

    def drop(self, job: Job) -> bool:
        """Done, and nothing is kept of it: for what is done anew again and again."""

    def fail(self, job: Job) -> bool:
        """Mark failed for good, under the same condition."""

    def defer(self, job: Job, not_before: datetime, *, late: bool = False) -> bool:
        """Hand the job back: one start less, one deferral more, under the same condition.

        One that was `late` is counted as such besides.
        """

    def due(self, now: datetime, limit: int, kinds: Collection[JobKind]) -> Sequence[str]:
        """Ids of jobs of these kinds that are due and not leased, oldest first."""

    def cancel(self, document_id: str) -> None:
        """Mark every due job of the document done; late workers lose their token's hold."""

    def open_since(self, document_id: str, kind: JobKind) -> datetime | None:
        """When the document's due job of this kind was created; None where there is none."""

    def open_count(self, kind: JobKind, put_off_after: datetime | None = None) -> int:
        """How many jobs of this kind are not done, leased ones too.

        Deferred ones as well, but for those that are not to begin before some time is over.
        """

    def waiting(self, now: datetime) -> Mapping[JobKind, datetime]:
        """Since when the oldest job of each kind could have been begun, and no worker did."""

    def stalled(
        self, kind: JobKind, before: datetime, limit: int, besides: str | None = None
    ) -> Sequence[tuple[str, int]]:
        """The oldest jobs of a kind that were created before then and are not done: whose each is,
        and how often it was put off. `besides` is whose jobs to pass over, one by one."""

    def backlog(self) -> Mapping[JobKind, tuple[int, datetime]]:
        """How many jobs are not done, leased and deferred ones too; when the oldest was created."""
