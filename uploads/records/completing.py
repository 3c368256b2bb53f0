"""A grant becomes a document: everything that is true with it, in one statement on PostgreSQL.

Who ends the grant makes all of the rest, and whoever finds it ended makes nothing. The grant's room
becomes the document's, so of its owner's row only the number of the last event changes. SQLite is
told the same one after the other, in one transaction: its statements change one table each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Connection,
    Insert,
    Select,
    String,
    Table,
    bindparam,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql

from uploads.documents.grants import Grant, GrantState
from uploads.documents.model import Document, Job
from uploads.records import jobs as job_rows
from uploads.records.outbox import add_event, event_of
from uploads.records.outbox_tables import events
from uploads.records.prepared import Prepared
from uploads.records.rows import values_of
from uploads.records.segments import SqlSegments
from uploads.records.tables import documents, grants, jobs, segments, usage
from uploads.records.usage import count

_DOCUMENT = (
    *("id", "owner_id", "name", "name_folded", "size", "declared_type", "type", "state"),
    *("created_at", "updated_at", "promised_sha256"),
)
_JOB = tuple(jobs.c.keys())
_EVENT = ("owner_id", "document_id", "state", "at", "facts")


_ENDING = (
    update(grants)
    .where(grants.c.id == bindparam("grant_id"), grants.c.state == bindparam("open"))
    .values(state=bindparam("completed"))
    .returning(grants.c.owner_id)
)


def _row(table: Table, names: tuple[str, ...], prefix: str, *more: Any) -> Select[Any]:
    """These columns as parameters, each of its column's type."""
    given = [bindparam(f"{prefix}_{name}", type_=table.c[name].type) for name in names]
    return select(*given, *more)


def _adding(table: Table, names: tuple[str, ...], rows: Select[Any]) -> Insert:
    return insert(table).from_select(list(names), rows)


def _statement() -> Prepared:
    ended = _ENDING.cte("ended")
    counted = postgresql.insert(usage).from_select(
        ["user_id", "bytes_used", "files_used", "last_event"],
        select(ended.c.owner_id, *[bindparam(one, type_=BigInteger) for one in _SUMS]),
    )
    told = counted.on_conflict_do_update(
        index_elements=[usage.c.user_id],
        set_={"last_event": usage.c.last_event + bindparam("one", type_=BigInteger)},
    )
    number = told.returning(usage.c.last_event).cte("told")
    document = _row(documents, _DOCUMENT, "document").select_from(ended)
    part = [
        func.unnest(bindparam(f"part_{name}", type_=ARRAY(kind)))
        for name, kind in (("offset", BigInteger), ("size", BigInteger), ("key", String))
    ]
    kept = select(bindparam("document_id", type_=String), *part).select_from(ended)
    job = _row(jobs, _JOB, "job").select_from(ended)
    event = _row(events, _EVENT, "event", number.c.last_event).select_from(number)
    return Prepared(
        _adding(events, (*_EVENT, "number"), event)
        .returning(events.c.number)
        .add_cte(
            _adding(documents, _DOCUMENT, document).cte("made"),
            _adding(segments, ("document_id", "offset", "size", "key"), kept).cte("kept"),
            _adding(jobs, _JOB, job).cte("due"),
        )
    )


_SUMS = ("nothing", "no_file", "one")
_COMPLETE = _statement()
_END = Prepared(_ENDING)
_ADD_DOCUMENT = Prepared(insert(documents))


def complete(connection: Connection, grant: Grant, document: Document, job: Job) -> bool:
    """All of it; whether the grant was open."""
    ended = {
        "grant_id": grant.id,
        "open": GrantState.OPEN.value,
        "completed": GrantState.COMPLETED.value,
    }
    row = values_of(document)
    made = {name: row[name] for name in _DOCUMENT}
    if connection.dialect.name == "postgresql":
        return bool(_COMPLETE.run(connection, {**ended, **_rest(grant, made, document, job)}))
    if not _END.run(connection, ended):
        return False
    _, number = count(connection, grant.owner_id, 0, 0, 1)
    _ADD_DOCUMENT.run(connection, made)
    rows = SqlSegments(connection)
    for _, part in grant.parts():
        rows.add_segment(document.id, part)
    job_rows.SqlJobs(connection).add(job)
    add_event(connection, number, document, document.updated_at)
    return True


def _rest(grant: Grant, made: Mapping[str, Any], document: Document, job: Job) -> Mapping[str, Any]:
    """What PostgreSQL's one statement is given beside the grant that it ends."""
    due = job_rows.values_of(job)
    parts = [part for _, part in grant.parts()]
    event = event_of(document, document.updated_at)
    return {
        "nothing": 0,
        "no_file": 0,
        "one": 1,
        **{f"document_{name}": value for name, value in made.items()},
        **{f"job_{name}": due[name] for name in _JOB},
        **{f"event_{name}": value for name, value in event.items()},
        "part_offset": [one.offset for one in parts],
        "part_size": [one.size for one in parts],
        "part_key": [one.key for one in parts],
    }
