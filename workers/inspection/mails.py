"""Mail and pages saved as one file (RFC 5322, RFC 2045, RFC 2557): the parts that are in letters.

Word opens such a page whatever its ending, with macros in one of its parts. Part after part is put
back into bytes; the headers around them are only looked at for where a part begins and ends. Knows
no library for mail. For the parser cell.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from typing import BinaryIO

from uploads.documents.readers.limits import Budget

_FIELD = rb"[!-9;-~]{1,99}:[^\r\n]{0,998}\r?\n(?:[ \t][^\r\n]{0,998}\r?\n)*"
_MAIL = re.compile(
    rb"\s{0,9}(?:From [^\r\n]{1,256}\r?\n)?(?:"
    + _FIELD
    + rb"){0,99}?"
    + rb"(?:MIME-Version|Content-Transfer-Encoding)[ \t]*:",
    re.IGNORECASE,
)
_ENCODED = re.compile(
    rb"^Content-Transfer-Encoding[ \t]*:\s{0,99}[\"']?(base64|quoted-printable)", re.I | re.M
)
_HEAD_END = re.compile(rb"\n[ \t]*\r?\n")
_BOUNDARY = re.compile(rb"boundary[ \t]*=[ \t]*(?:\"([^\"\r\n]{1,256})\"|([^\s;\"]{1,256}))", re.I)
_MOST_BOUNDARIES = 64
_NO_LETTER = bytes(
    set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
)


def begins_as_mail(head: bytes) -> bool:
    """Whether fields of a header stand here, one of them MIME's."""
    return _MAIL.match(head[: 32 * 1024]) is not None


def parts_of(file: BinaryIO, budget: Budget) -> Iterator[bytes]:
    """Yield every part that is in base64 or quoted-printable, as bytes."""
    file.seek(0)
    data = file.read()
    named = {found[1] or found[2] for found in _BOUNDARY.finditer(data)}
    marks = sorted(named, key=len, reverse=True)[:_MOST_BOUNDARIES]
    end_of = re.compile(rb"\n--(?:" + b"|".join(map(re.escape, marks)) + rb")") if marks else None
    at = 0
    while found := _ENCODED.search(data, at):
        budget.enter(1)
        head_end = _HEAD_END.search(data, found.end())
        begin = head_end.end() if head_end else len(data)
        last = end_of.search(data, begin - 1) if end_of else None
        at = max(found.end(), last.start() if last else len(data))
        yield _decoded(data[begin:at], found[1].lower())


def _decoded(body: bytes, encoding: bytes) -> bytes:
    if encoding == b"quoted-printable":
        return binascii.a2b_qp(body)
    letters = body.translate(None, _NO_LETTER)
    return binascii.a2b_base64(letters[: len(letters) // 4 * 4] + _last(letters))


def _last(letters: bytes) -> bytes:
    """What is left of a group of four, filled up; a single letter is nothing."""
    left = letters[len(letters) // 4 * 4 :]
    return left.ljust(4, b"=") if len(left) > 1 else b""
