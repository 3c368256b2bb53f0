"""A grant is given: its row and its owner's room, in one statement where the database has such.

Whether there is room is asked by the statement that takes it. Of two at the same time the second
one waits for the row of `usage` and is held against what the first one has left there.
"""

from __future__ import annotations

from dataclasses import fields
from operator import attrgetter
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    and_,
    bindparam,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)

from uploads.documents.grants import Grant
from uploads.records.prepared import Prepared
from uploads.records.tables import grants, usage

_NAMES = tuple(one.name for one in fields(Grant))
_COLUMNS = tuple(grants.c[name] for name in _NAMES)
_parts_of = attrgetter(*_NAMES)


def _fits(used: Column[Any], more: Any, own: Column[Any], default: str) -> ColumnElement[bool]:
    """Whether so much more is within the owner's own limit, or the service's; 0 is none."""
    limit = func.coalesce(own, bindparam(default, type_=BigInteger))
    return or_(limit == literal_column("0"), used + more <= limit)


_MORE = bindparam("grant_size", type_=BigInteger)
_TAKE_ROOM = (
    update(usage)
    .where(usage.c.user_id == bindparam("grant_owner_id"))
    .where(
        and_(
            _fits(usage.c.bytes_used, _MORE, usage.c.bytes_limit, "most_bytes"),
            _fits(usage.c.files_used, bindparam("one"), usage.c.files_limit, "most_files"),
        )
    )
    .values(bytes_used=usage.c.bytes_used + _MORE, files_used=usage.c.files_used + bindparam("one"))
    .returning(usage.c.user_id)
)
_ROOM = _TAKE_ROOM.cte("room")
_GIVEN = [bindparam(f"grant_{one.name}", type_=one.type) for one in _COLUMNS]
_GIVE = Prepared(
    insert(grants)
    .from_select([one.name for one in _COLUMNS], select(*_GIVEN).select_from(_ROOM))
    .returning(grants.c.id)
)
_TAKE_ROOM_FIRST = Prepared(_TAKE_ROOM)
_ADD = Prepared(insert(grants))


def values_of(grant: Grant) -> dict[str, Any]:
    """Every column of a grant."""
    values = dict(zip(_NAMES, _parts_of(grant), strict=True))
    values["method"], values["state"] = grant.method.value, grant.state.value
    return values


def add(connection: Connection, grant: Grant) -> None:
    """The row alone; its owner's room is the caller's."""
    _ADD.run(connection, values_of(grant))


def add_within(connection: Connection, grant: Grant, most_bytes: int, most_files: int) -> bool:
    """Add a grant where its owner's room suffices; the limits are those of whoever has no own."""
    room = {"one": 1, "most_bytes": most_bytes, "most_files": most_files}
    if connection.dialect.name == "postgresql":
        given = {f"grant_{name}": value for name, value in values_of(grant).items()}
        return bool(_GIVE.run(connection, {**given, **room}))
    owner = {"grant_owner_id": grant.owner_id, "grant_size": grant.size}
    if not _TAKE_ROOM_FIRST.run(connection, {**owner, **room}):
        return False
    add(connection, grant)
    return True
