"""URLs that carry their own signature: AWS Signature Version 4 in the query string.

"Authenticating Requests: Using Query Parameters (AWS Signature Version 4)", Amazon S3 API
Reference. botocore makes the same URLs for twenty times the CPU; a test holds one against the
other. Only for requests of our own servers: the payload is unsigned.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from uploads.storage.keys import Keys, KeySource

_ALGORITHM = "AWS4-HMAC-SHA256"
_NOTHING: Mapping[str, str] = {}
_PLAIN = re.compile(r"[A-Za-z0-9/._~-]+")  # as our own keys are: nothing to escape


class Signer:
    """Signs requests to the S3 server at `endpoint`."""

    def __init__(self, endpoint: str, region: str, keys: KeySource) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._host = urlsplit(endpoint).netloc
        self._region = region
        self._keys = keys

    def url(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        now: datetime,
        seconds: int,
        asked: Mapping[str, str] = _NOTHING,
    ) -> str:
        """The URL for one request, which lives for `seconds` from `now` (UTC), a week at most.

        All of `headers` must be sent as they are given; `asked` goes into the query, under names
        that begin with a small letter. `path` begins with a slash and is not escaped yet. Raises
        StorageUnavailable where a role has no keys.
        """
        moment = now.strftime("%Y%m%dT%H%M%SZ")
        day = _day(self._keys(), moment[:8], self._region)
        signed = {"host": self._host}
        for name, text in headers.items():
            signed[name.lower()] = " ".join(text.split())
        names = sorted(signed)
        query = (
            f"{day.credential}&X-Amz-Date={moment}&X-Amz-Expires={seconds}"
            f"{day.token}&X-Amz-SignedHeaders={'%3B'.join(names)}"
        )
        # Signed in the order of their names; small letters come after X-Amz-….
        for name in sorted(asked):
            query += f"&{name}={quote(asked[name], safe='~')}"
        escaped = path if _PLAIN.fullmatch(path) else quote(path, safe="/~")
        lines = "\n".join([f"{name}:{signed[name]}" for name in names])
        canonical = f"{method}\n{escaped}\n{query}\n{lines}\n\n{';'.join(names)}\nUNSIGNED-PAYLOAD"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        signature = _hmac(day.key, f"{_ALGORITHM}\n{moment}\n{day.scope}\n{digest}").hex()
        return f"{self._endpoint}{escaped}?{query}&X-Amz-Signature={signature}"


class _Day(NamedTuple):
    """What is the same in all signatures of a day, the signing key above all."""

    scope: str
    credential: str
    token: str
    key: bytes


@lru_cache(maxsize=4)
def _day(keys: Keys, day: str, region: str) -> _Day:
    scope = f"{day}/{region}/s3/aws4_request"
    credential = quote(f"{keys.access_key}/{scope}", safe="")
    key = f"AWS4{keys.secret_key}".encode()
    for word in (day, region, "s3", "aws4_request"):
        key = _hmac(key, word)
    return _Day(
        scope,
        f"X-Amz-Algorithm={_ALGORITHM}&X-Amz-Credential={credential}",
        f"&X-Amz-Security-Token={quote(keys.token, safe='')}" if keys.token else "",
        key,
    )


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
