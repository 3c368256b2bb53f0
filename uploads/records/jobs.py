"""Jobs: leases by compare-and-set, fenced by a token that each lease raises."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from uploads.documents.model import Job, JobKind, JobState
from uploads.records.leasing import Waiting
from uploads.records.prepared import Prepared
from uploads.records.tables import jobs
from uploads.records.turns import note_turn, oldest_of, owners_waiting

# Built once: to build it anew costs as much as to execute it.
_ADD = Prepared(insert(jobs))
_DUE = jobs.c.state == JobState.DUE.value


class SqlJobs:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, job: Job) -> None:
        _ADD.run(self._connection, values_of(job))

    def get(self, job_id: str) -> Job | None:
        row = self._connection.execute(select(jobs).where(jobs.c.id == job_id)).one_or_none()
        return None if row is None else _job(row)

    def lease(self, job_id: str, now: datetime, until: datetime) -> Job | None:
        row = self._connection.execute(
            update(jobs)
            .where(jobs.c.id == job_id, _free(now))
            .values(lease_until=until, token=jobs.c.token + 1, starts=jobs.c.starts + 1)
            .returning(*jobs.c)
        ).one_or_none()
        if row is None:
            return None
        note_turn(self._connection, row.kind, row.owner_id, now)
        return _job(row)

    def lease_of(self, owner_id: str, kind: JobKind, now: datetime, until: datetime) -> Job | None:
        job_id = oldest_of(self._connection, owner_id, kind, now)
        return None if job_id is None else self.lease(job_id, now, until)

    def owners_waiting(
        self, kind: JobKind, now: datetime, after: str, limit: int
    ) -> Sequence[Waiting]:
        return owners_waiting(self._connection, kind, now, after, limit)

    def renew(self, job: Job, until: datetime) -> bool:
        return self._held(job, lease_until=until)

    def finish(self, job: Job) -> bool:
        return self._held(job, state=JobState.DONE.value, lease_until=None)

    def drop(self, job: Job) -> bool:
        dropped = self._connection.execute(delete(jobs).where(_held_by(job)))
        return dropped.rowcount == 1

    def fail(self, job: Job) -> bool:
        return self._held(job, state=JobState.FAILED.value, lease_until=None)

    def defer(self, job: Job, not_before: datetime, *, late: bool = False) -> bool:
        return self._held(
            job,
            lease_until=None,
            not_before=not_before,
            starts=jobs.c.starts - 1,
            deferrals=jobs.c.deferrals + 1,
            late=jobs.c.late + int(late),
        )

    def due(self, now: datetime, limit: int, kinds: Collection[JobKind]) -> Sequence[str]:
        wanted = jobs.c.kind.in_([kind.value for kind in kinds])
        return self._connection.scalars(
            select(jobs.c.id).where(_free(now), wanted).order_by(jobs.c.created_at).limit(limit)
        ).all()

    def cancel(self, document_id: str) -> None:
        self._connection.execute(
            update(jobs)
            .where(jobs.c.document_id == document_id, _DUE)
            .values(state=JobState.DONE.value, lease_until=None)
        )

    def open_since(self, document_id: str, kind: JobKind) -> datetime | None:
        since: datetime | None = self._connection.scalar(
            select(func.min(jobs.c.created_at)).where(
                jobs.c.document_id == document_id, _DUE, jobs.c.kind == kind.value
            )
        )
        return since

    def open_count(self, kind: JobKind, put_off_after: datetime | None = None) -> int:
        counted = select(func.count()).where(_DUE, jobs.c.kind == kind.value)
        if put_off_after is not None:
            counted = counted.where(jobs.c.not_before <= put_off_after)
        return self._connection.scalar(counted) or 0

    def waiting(self, now: datetime) -> Mapping[JobKind, datetime]:
        since = func.min(func.coalesce(jobs.c.lease_until, jobs.c.not_before))
        free = select(jobs.c.kind, since).where(_free(now)).group_by(jobs.c.kind)
        found = self._connection.execute(free)
        return {JobKind(kind): oldest for kind, oldest in found}

    def stalled(
        self, kind: JobKind, before: datetime, limit: int, besides: str | None = None
    ) -> Sequence[tuple[str, int]]:
        asked = (
            select(jobs.c.owner_id, jobs.c.deferrals)
            .where(_DUE, jobs.c.kind == kind.value, jobs.c.created_at < before)
            .order_by(jobs.c.created_at)
            .limit(limit)
        )
        if besides is not None:
            asked = asked.where(jobs.c.owner_id != besides)
        found = self._connection.execute(asked)
        return [(owner_id, deferrals) for owner_id, deferrals in found]

    def backlog(self) -> Mapping[JobKind, tuple[int, datetime]]:
        counted = (
            select(jobs.c.kind, func.count(), func.min(jobs.c.created_at))
            .where(_DUE)
            .group_by(jobs.c.kind)
        )
        found = self._connection.execute(counted)
        return {JobKind(kind): (count, oldest) for kind, count, oldest in found}

    def _held(self, job: Job, **changes: Any) -> bool:
        """Change a job that is due and leased under exactly this token."""
        changed = self._connection.execute(update(jobs).where(_held_by(job)).values(**changes))
        return changed.rowcount == 1


def values_of(job: Job) -> dict[str, Any]:
    """Every column of a new job."""
    return {
        "id": job.id,
        "kind": job.kind.value,
        "document_id": job.document_id,
        "owner_id": job.owner_id,
        "state": job.state.value,
        "not_before": job.not_before,
        "created_at": job.created_at,
        "lease_until": job.lease_until,
        "token": job.token,
        "starts": job.starts,
        "deferrals": job.deferrals,
        "late": job.late,
    }


def _held_by(job: Job) -> ColumnElement[bool]:
    leased = jobs.c.lease_until.is_not(None)
    return and_(jobs.c.id == job.id, jobs.c.token == job.token, leased, _DUE)


def _free(now: datetime) -> ColumnElement[bool]:
    unleased = or_(jobs.c.lease_until.is_(None), jobs.c.lease_until <= now)
    return and_(_DUE, jobs.c.not_before <= now, unleased)


def _job(row: Row[Any]) -> Job:
    return Job(
        id=row.id,
        kind=JobKind(row.kind),
        document_id=row.document_id,
        owner_id=row.owner_id,
        state=JobState(row.state),
        not_before=row.not_before,
        created_at=row.created_at,
        lease_until=row.lease_until,
        token=row.token,
        starts=row.starts,
        deferrals=row.deferrals,
        late=row.late,
    )
