"""Small readers of what clients send in headers and query strings."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime
from urllib.parse import unquote

from flask import Request
from werkzeug.http import parse_options_header

from uploads.delimited import says_twice
from uploads.documents.errors import Invalid, Malformed
from uploads.documents.intake import Offer
from uploads.openapi.parameters import CURSOR, LIMIT, PAGE, Parameter

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_TOO_FINE = re.compile(r"(\.\d{6})\d+")
_LONGEST_TIME = 100
# As nearly everybody writes one: nothing to take off and nothing to unquote.
_BARE_TYPE = re.compile(r"[a-z0-9.+-]+/[a-z0-9.+-]+")
# `filename*` where it is a parameter, not text within quotes.
_EXTENDED_NAME = re.compile(
    r'"(?:[^"\\]|\\.?)*"?|(?P<name>;\s*filename\*=[^;"\s][^;"]*)', re.IGNORECASE
)
# What stands for bytes that are no letter (U+FFFD).
_UNREADABLE = "\ufffd"
_NO_NAME = (
    "`filename*` in Content-Disposition is not in the charset it names. Send UTF-8, "
    "percent-encoded, like `filename*=UTF-8''%E2%82%AC.txt` (RFC 8187)."
)
_REPR_DIGEST = re.compile(r"sha-256=:(?P<value>[A-Za-z0-9+/=]{44}):")


def moment(text: str | None, pointer: str) -> datetime | None:
    """A point in time (RFC 3339), with its zone. Raises Invalid."""
    if text is None:
        return None
    try:
        if len(text) > _LONGEST_TIME or not _RFC3339.fullmatch(text):
            raise ValueError(text)
        # What is finer than a millionth of a second is cut off, in small letters nothing is known.
        read = _TOO_FINE.sub(r"\1", text.upper())
        return datetime.fromisoformat(read).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise invalid((pointer, "a time like 2027-01-31T12:00:00Z")) from error


def known_members(request: Request, *known: Parameter) -> None:
    """Raises Invalid for a member of the query string that is not known here, or comes twice."""
    if not request.environ.get("QUERY_STRING"):
        return
    given = request.args
    unknown = sorted(set(given) - {one.name for one in known})
    if unknown:
        raise invalid(*((name, "unknown parameter") for name in unknown))
    twice = [
        one.name
        for one in known
        if len(given.getlist(one.name)) > 1 and one.schema["type"] != "array"
    ]
    if twice:
        raise invalid(*((name, "given twice") for name in twice))


def page_of(request: Request, *more: Parameter) -> tuple[int, str | None]:
    """How many entries are asked for and behind which cursor; `more` are the route's filters.

    Raises Invalid.
    """
    known_members(request, *PAGE, *more)
    return number(request, LIMIT), request.args.get(CURSOR.name)


def invalid(*problems: tuple[str, str]) -> Invalid:
    """An Invalid that names each wrong member and what is wrong with it."""
    listed = [{"pointer": pointer, "detail": detail} for pointer, detail in problems]
    words = "; ".join(f"{pointer}: {detail}" for pointer, detail in problems)
    return Invalid(f"Not valid: {words}. Correct it and send it again.", errors=listed)


def number(request: Request, asked: Parameter) -> int:
    """A whole number from the query string. Raises Invalid outside of the parameter's bounds."""
    text = request.args.get(asked.name)
    lowest, highest = asked.schema["minimum"], asked.schema["maximum"]
    if text is None:
        return int(asked.schema["default"])
    if not re.fullmatch("[0-9]{1,9}", text) or not lowest <= int(text) <= highest:
        raise invalid((asked.name, f"a whole number from {lowest} to {highest}"))
    return int(text)


def media_type(header: str | None) -> str | None:
    """The bare lower-case type of a Content-Type header, or None when it is empty."""
    if not header:
        return None
    if _BARE_TYPE.fullmatch(header):
        return header
    return parse_options_header(header)[0].strip().lower() or None


def expected_digest(request: Request) -> str | None:
    """Lowercase hex SHA-256 out of Repr-Digest (RFC 9530), where the client sent one.

    Raises Malformed when the header is there and cannot be read: a check that the client asked
    for is never skipped in silence. Other algorithms beside sha-256 are ignored, as the RFC says.
    """
    header = request.headers.get("Repr-Digest")
    if header is None:
        return None
    ours = [one for one in map(str.strip, header.split(",")) if one.startswith("sha-256=")]
    match = _REPR_DIGEST.fullmatch(ours[0]) if len(ours) == 1 else None
    try:
        if match is None:
            raise binascii.Error
        return base64.b64decode(match["value"], validate=True).hex()
    except binascii.Error as error:
        raise Malformed("Repr-Digest must hold one `sha-256=:<base64>:` (RFC 9530).") from error


def raw_offer(request: Request) -> Offer:
    """What the headers of a raw body say of the file: Content-Disposition, or `?name=`."""
    name = request.args.get("name")
    if name is None:
        name = _file_name(request.headers.get("Content-Disposition", ""))
    return Offer(
        untrusted_name=name,
        declared_type=media_type(request.headers.get("Content-Type")),
        expected_sha256=expected_digest(request),
        declared_size=request.content_length,
    )


def _file_name(disposition: str) -> str | None:
    """What a Content-Disposition names: `filename*` before `filename`, wherever each of them stands
    (RFC 6266 section 4.3); the parser alone takes the last. Raises Malformed for an extended name
    that its charset cannot be: the parser would make up letters, and the name would be another; and
    for one that is said twice, of which others may believe the other one."""
    if says_twice(disposition):
        raise Malformed("Content-Disposition says something twice. Send it with each word once.")
    extended = [found["name"] for found in _EXTENDED_NAME.finditer(disposition) if found["name"]]
    if not extended:
        return parse_options_header(disposition)[1].get("filename")
    name = parse_options_header(f"attachment{extended[-1]}")[1].get("filename")
    meant = unquote(extended[-1], errors="ignore").count(_UNREADABLE)
    if name is not None and name.count(_UNREADABLE) > meant:
        raise Malformed(_NO_NAME)
    return name
