"""Tokens for the content host, which knows no cookies and no keys: short-lived ones, and links."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence

from itsdangerous import BadData, URLSafeTimedSerializer

from uploads.documents.errors import NotFound

_LINK = "lnk_"
_MARK_BYTES = 24  # no padding in base64
_TOKEN = re.compile(r"([a-z0-9]{1,64})\.([A-Za-z0-9_-]{32})")


class SignedTokens:
    """`ContentTokens` signed with the service's secret; a token dies after `seconds`.

    What one of the `earlier` secrets signed is still read.
    """

    def __init__(self, secret: str, seconds: int = 300, *, earlier: Sequence[str] = ()) -> None:
        self._serializer = serializer(secret, earlier, "uploads.content")
        self._seconds = seconds

    def issue(self, document_id: str, rendition: str) -> str:
        return str(self._serializer.dumps([document_id, rendition]))

    def read(self, token: str, seconds: int | None = None) -> tuple[str, str]:
        oldest = self._seconds if seconds is None else min(self._seconds, seconds)
        try:
            document_id, rendition = self._serializer.loads(token, max_age=oldest)
        except (BadData, ValueError, TypeError) as error:
            raise NotFound from error
        return str(document_id), str(rendition)


class LinkTokens:
    """Addresses of links and of the downloads that they began.

    A link's is its id and a mark: HMAC-SHA256 (RFC 2104) of the id under the service's secret, cut
    to 192 bits. So nothing in the database opens a link, and no address has to be kept. A ticket
    names a link and one of its downloads, and dies after `ticket_seconds`; it does not tell the
    link's own address. What was made under one of the `earlier` secrets is still read.
    """

    def __init__(self, secret: str, ticket_seconds: int, *, earlier: Sequence[str] = ()) -> None:
        self._keys = [one.encode() for one in (secret, *earlier)]
        self._serializer = serializer(secret, earlier, "uploads.link-ticket")
        self._seconds = ticket_seconds

    def issue(self, link_id: str) -> str:
        return f"{link_id.removeprefix(_LINK)}.{_mark(self._keys[0], link_id)}"

    def read(self, untrusted_token: str) -> str:
        found = _TOKEN.fullmatch(untrusted_token)
        if found is None:
            raise NotFound
        link_id = _LINK + found[1]
        # All of them each time: how long it takes tells nobody which key it was.
        matches = [hmac.compare_digest(found[2], _mark(key, link_id)) for key in self._keys]
        if not any(matches):
            raise NotFound
        return link_id

    def issue_ticket(self, link_id: str, number: int) -> str:
        return str(self._serializer.dumps([link_id, number]))

    def read_ticket(self, untrusted_ticket: str) -> tuple[str, int]:
        try:
            link_id, number = self._serializer.loads(untrusted_ticket, max_age=self._seconds)
            return str(link_id), int(number)
        except (BadData, ValueError, TypeError) as error:
            raise NotFound from error


def _mark(key: bytes, link_id: str) -> str:
    mac = hmac.digest(key, b"uploads.link.1\0" + link_id.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(mac[:_MARK_BYTES]).decode()


def serializer(secret: str, earlier: Sequence[str], salt: str) -> URLSafeTimedSerializer:
    """itsdangerous signs with the last key of a list and reads with all of them."""
    return URLSafeTimedSerializer([*reversed(earlier), secret], salt=salt)
