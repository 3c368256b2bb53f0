"""Requests to the store as clients send them, and objects of one try, which leave nothing behind.

Crash window: an object whose try was killed is in no row, and found by the sweeper in `incoming`.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import urllib3

from uploads import clock
from uploads.config import Settings
from uploads.documents.errors import ObjectMissing, StorageUnavailable
from uploads.storage.keys import fixed, of_role
from uploads.storage.protocol import Bucket
from uploads.storage.signing import Signer
from uploads.wiring import make_store

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from types_boto3_s3 import S3Client

BODY = b"the doctor looks at this store\n"
HEADERS = {"Content-Type": "text/plain", "Content-Length": str(len(BODY))}
_URL_SECONDS = 60
_TIMEOUT = urllib3.Timeout(connect=3.0, read=8.0)
# Too slow, too often: what a proxy or a store says of anything, and nothing about what was tried.
_NO_WORD = (408, 429)


class Unclear(Exception):
    """Raised when an answer says nothing about what was tried."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    data: bytes


class Store:
    """The store that these settings name: from inside, and as clients see it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        access, secret = settings.store_keys
        keys = of_role() if access is None else fixed(access, secret or "")
        self.signer = Signer(settings.s3_public_url, settings.s3_region, keys)
        self.inside = make_store(settings)

    @cached_property
    def client(self) -> S3Client:
        """What asks for all that the service itself has no need of."""
        from uploads.storage.boto import make_client  # noqa: PLC0415  nor a worker's proof

        settings = self.settings
        return make_client(settings.s3_endpoint, settings.s3_region, *settings.store_keys)

    def name(self, bucket: Bucket) -> str:
        """The bucket's name at the store."""
        return f"{self.settings.s3_bucket_prefix}{bucket}"

    @cached_property
    def public_answers(self) -> bool:
        """Whether the public address can be reached from here."""
        with suppress(urllib3.exceptions.HTTPError):
            return _request("GET", self.settings.s3_public_url, None, {}).status < 500
        return False

    def send(
        self,
        method: str,
        url: str,
        body: bytes | None = None,
        *,
        inside: bool = False,
        **headers: str,
    ) -> Answer:
        """Send to a public URL; where that cannot be reached, to the endpoint under its name.

        `inside` sends there in any case, past a proxy that lets only our own traffic through.
        Raises Unclear where no answer comes, or one of a store in trouble. Never with the URL.
        """
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if inside or not self.public_answers:
            host = urlsplit(url).netloc
            url = self.settings.s3_endpoint.rstrip("/") + url.partition(host)[2]
            named["Host"] = host
        try:
            answer = _request(method, url, body, named)
        except urllib3.exceptions.HTTPError as error:
            raise Unclear(f"{method}: {type(error).__name__}") from None
        if answer.status >= 500 or answer.status in _NO_WORD:
            raise Unclear(f"{method} was answered with {answer.status}")
        return answer

    def trial(self) -> Trial:
        return Trial(self)


class Trial:
    """Objects of one try in `incoming`; they are gone at its end."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._keys: list[str] = []

    def __enter__(self) -> Trial:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for key in self._keys:
            with suppress(StorageUnavailable):
                self.store.inside.delete(Bucket.INCOMING, key)

    def key(self) -> str:
        """A key of our own, of the form that segments have."""
        self._keys.append(f"{clock.new_id()}/00001")
        return self._keys[-1]

    def put(self) -> str:
        """The key of an object that is there. Raises StorageUnavailable."""
        key = self.key()
        self.store.inside.put(Bucket.INCOMING, key, [BODY], len(BODY))
        return key

    def url(
        self,
        method: str,
        key: str,
        headers: Mapping[str, str] | None = None,
        ago: timedelta = timedelta(),
    ) -> str:
        """A URL that lives for a minute, from `ago` on; every header is part of the signature."""
        path = f"/{self.store.name(Bucket.INCOMING)}/{key}"
        begins = datetime.now(UTC) - ago
        return self.store.signer.url(method, path, headers or {}, begins, _URL_SECONDS)

    def bytes_of(self, key: str) -> bytes | None:
        """What is stored under a key; None where nothing is. Raises StorageUnavailable."""
        try:
            return self.store.inside.first(Bucket.INCOMING, key, 4 * len(BODY)).data
        except ObjectMissing:
            return None

    def refuses_put(self, url: str, key: str, body: bytes = BODY, **headers: str) -> bool:
        """Whether a PUT is refused, and nothing is there afterwards. Raises Unclear."""
        sent = {**{name.replace("-", "_"): text for name, text in HEADERS.items()}, **headers}
        answer = self.store.send("PUT", url, body, inside=False, **sent)
        return answer.status >= 400 and self.bytes_of(key) is None


def error_code(error: ClientError) -> str:
    """What the store calls an error: its code, else its status."""
    return str(error.response.get("Error", {}).get("Code", "unknown"))


def _request(method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
    with urllib3.PoolManager(retries=False, timeout=_TIMEOUT) as http:
        found = http.request(method, url, body=body, headers=dict(headers), redirect=False)
        return Answer(found.status, dict(found.headers), found.data)
