"""From owner to owner through the jobs that wait, and a word of who had his turn.

To find one job of each owner, all rows would be gone through: a hundred thousand for the sake of
ten owners. So an index is entered anew for each owner, at the one that follows
("loose index scan", PostgreSQL's wiki): what it costs depends on the owners and not on their jobs.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Integer, String, bindparam, or_, select, text

from uploads.documents.model import JobKind
from uploads.records.leasing import Waiting
from uploads.records.statements import upsert
from uploads.records.tables import UtcDateTime, jobs
from uploads.records.turn_table import turns

# As literals, or neither database would know that the indexes of due jobs will do.
_DUE = text("jobs.state = 'due'")
# Both databases take this as it is. What is asked of each owner is asked once: MATERIALIZED.
_WAITING = (
    text("""
WITH RECURSIVE owners(owner_id, number) AS (
    SELECT min(owner_id), 1 FROM jobs
    WHERE state = 'due' AND kind = :kind AND owner_id > :after
    UNION ALL
    SELECT (SELECT min(owner_id) FROM jobs
            WHERE state = 'due' AND kind = :kind AND owner_id > owners.owner_id), number + 1
    FROM owners WHERE owner_id IS NOT NULL AND number < :most
), heads(owner_id, since) AS MATERIALIZED (
    SELECT owner_id, (
        SELECT not_before FROM jobs
        WHERE state = 'due' AND kind = :kind AND jobs.owner_id = owners.owner_id
            AND not_before <= :now AND (lease_until IS NULL OR lease_until <= :now)
        ORDER BY not_before LIMIT 1
    ) FROM owners WHERE owner_id IS NOT NULL
), leased(owner_id, number) AS (
    SELECT owner_id, count(*) FROM jobs
    WHERE state = 'due' AND kind = :kind AND lease_until > :now GROUP BY owner_id
)
SELECT heads.owner_id, since, coalesce(leased.number, 0) AS leased, turns.at
FROM heads
LEFT JOIN leased ON leased.owner_id = heads.owner_id
LEFT JOIN turns ON turns.kind = :kind AND turns.owner_id = heads.owner_id
ORDER BY heads.owner_id
""")
    .bindparams(
        bindparam("kind", type_=String),
        bindparam("after", type_=String),
        bindparam("most", type_=Integer),
        bindparam("now", type_=UtcDateTime),
    )
    .columns(owner_id=String, since=UtcDateTime, leased=Integer, at=UtcDateTime)
)
_OLDEST = (
    select(jobs.c.id)
    .where(_DUE, jobs.c.kind == bindparam("kind"), jobs.c.owner_id == bindparam("owner"))
    .where(jobs.c.not_before <= bindparam("now"))
    .where(or_(jobs.c.lease_until.is_(None), jobs.c.lease_until <= bindparam("now")))
    .order_by(jobs.c.not_before)
    .limit(1)
    # Who comes at the same moment takes the next one, and does not wait for this one in vain.
    .with_for_update(skip_locked=True)
)


def owners_waiting(
    connection: Connection, kind: JobKind, now: datetime, after: str, limit: int
) -> Sequence[Waiting]:
    """What `Jobs.owners_waiting` says."""
    given = {"kind": kind.value, "now": now, "after": after, "most": limit}
    found = connection.execute(_WAITING, given)
    return [Waiting(*row) for row in found]


def oldest_of(connection: Connection, owner_id: str, kind: JobKind, now: datetime) -> str | None:
    """The job of this owner that could have been begun for longest; None where none can be."""
    given = {"kind": kind.value, "now": now, "owner": owner_id}
    job_id: str | None = connection.scalar(_OLDEST, given)
    return job_id


def note_turn(connection: Connection, kind: str, owner_id: str, now: datetime) -> None:
    """A job of this owner has been begun."""
    connection.execute(
        upsert(connection, turns)
        .values(kind=kind, owner_id=owner_id, at=now)
        .on_conflict_do_update(index_elements=[turns.c.kind, turns.c.owner_id], set_={"at": now})
    )
