"""What a conditional request, or one for a range, is answered with (RFC 9110 sections 13 and 14).

One range is sent as a part. Of several, and where a Range cannot be read, the whole is sent, as
section 14.2 allows: many small ranges in one answer would cost more than they are worth.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from flask import Request
from werkzeug.http import parse_date

from uploads.documents.errors import PreconditionFailed, RangeNotSatisfiable

_RANGE = re.compile(r"bytes[ \t]*=[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of a resource's bytes: a strong entity-tag without its quotes, the time of its
    last change, its size in bytes."""

    etag: str
    changed_at: datetime
    size: int

    @property
    def seconds(self) -> datetime:
        """The change as HTTP tells it: whole seconds."""
        return self.changed_at.replace(microsecond=0)


@dataclass(frozen=True, slots=True)
class Span:
    """A part of the bytes: `length` of them from `offset`."""

    offset: int
    length: int


def is_unchanged(request: Request, kept: Kept) -> bool:
    """Whether the client has it already (304). Raises PreconditionFailed.

    In the order of section 13.2.2; a date is looked at only where there is no entity-tag.
    """
    if "If-Match" in request.headers:
        if not (request.if_match.star_tag or request.if_match.is_strong(kept.etag)):
            raise PreconditionFailed
    elif request.if_unmodified_since is not None and kept.seconds > request.if_unmodified_since:
        raise PreconditionFailed
    if "If-None-Match" in request.headers:
        return request.if_none_match.star_tag or request.if_none_match.contains_weak(kept.etag)
    since = request.if_modified_since
    return since is not None and kept.seconds <= since


def wanted(request: Request, kept: Kept) -> Span | None:
    """The range that a GET asks for, None for the whole. Raises RangeNotSatisfiable."""
    asked = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    if request.method != "GET" or asked is None or not _still(request, kept):
        return None
    first, last = asked[1], asked[2]
    if not first:
        return _suffix(int(last), kept.size) if last else None
    begin = int(first)
    if last and int(last) < begin:
        return None
    if begin >= kept.size:
        raise RangeNotSatisfiable
    end = min(int(last), kept.size - 1) if last else kept.size - 1
    return Span(begin, end - begin + 1)


def _suffix(length: int, size: int) -> Span:
    length = min(length, size)
    if not length:
        raise RangeNotSatisfiable
    return Span(size - length, length)


def _still(request: Request, kept: Kept) -> bool:
    """Whether what a client has a part of is what is here (If-Range, section 13.1.5)."""
    given = request.headers.get("If-Range")
    if given is None or given.strip() == f'"{kept.etag}"':
        return True
    return parse_date(given) == kept.seconds
