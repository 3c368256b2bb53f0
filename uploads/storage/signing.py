"""URLs that carry their own signature: AWS Signature Version 4 in the query string.

"Authenticating Requests: Using Query Parameters (AWS Signature Version 4)", Amazon S3 API
Reference. botocore makes the same URLs for twenty times the CPU; a test holds one against the
other. Only for requests of our own servers: the payload is unsigned.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from urllib.parse import quote, urlsplit

from uploads.storage.keys import KeySource

_ALGORITHM = "AWS4-HMAC-SHA256"


class Signer:
    """Signs requests to the S3 server at `endpoint`."""

    def __init__(self, endpoint: str, region: str, keys: KeySource) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._host = urlsplit(endpoint).netloc
        self._region = region
        self._keys = keys

    def url(
        self, method: str, path: str, headers: Mapping[str, str], now: datetime, seconds: int
    ) -> str:
        """The URL for one request, which lives for `seconds` from `now` (UTC), a week at most.

        All of `headers` must be sent as they are given. `path` begins with a slash and is not
        escaped yet. Raises StorageUnavailable where a role has no keys.
        """
        keys = self._keys()
        day, moment = now.strftime("%Y%m%d"), now.strftime("%Y%m%dT%H%M%SZ")
        scope = f"{day}/{self._region}/s3/aws4_request"
        signed = {"host": self._host}
        signed |= {name.lower(): " ".join(text.split()) for name, text in headers.items()}
        names = sorted(signed)
        query = (
            f"X-Amz-Algorithm={_ALGORITHM}"
            f"&X-Amz-Credential={quote(f'{keys.access_key}/{scope}', safe='')}"
            f"&X-Amz-Date={moment}&X-Amz-Expires={seconds}"
            f"{_token(keys.token)}&X-Amz-SignedHeaders={'%3B'.join(names)}"
        )
        escaped = quote(path, safe="/~")
        lines = "".join(f"{name}:{signed[name]}\n" for name in names)
        canonical = f"{method}\n{escaped}\n{query}\n{lines}\n{';'.join(names)}\nUNSIGNED-PAYLOAD"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        text = f"{_ALGORITHM}\n{moment}\n{scope}\n{digest}"
        signature = _hmac(_key(keys.secret_key, day, self._region), text).hex()
        return f"{self._endpoint}{escaped}?{query}&X-Amz-Signature={signature}"


def _token(token: str) -> str:
    return f"&X-Amz-Security-Token={quote(token, safe='')}" if token else ""


@lru_cache(maxsize=4)
def _key(secret_key: str, day: str, region: str) -> bytes:
    """The signing key, which is the same for a whole day."""
    key = f"AWS4{secret_key}".encode()
    for word in (day, region, "s3", "aws4_request"):
        key = _hmac(key, word)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
