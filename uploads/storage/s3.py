"""The one store: any S3-compatible server, reached by signed URLs.

What happens at each upload is signed by `signing` and sent by `wire`, the rest by urllib3. A call
of boto3 costs many times the CPU, and to load it a tenth of a program's start. Nothing here knows
what a document is.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

import structlog
import urllib3

from uploads.documents.errors import (
    ObjectMissing,
    StorageFull,
    StorageRefused,
    StorageUnavailable,
)
from uploads.storage import listing, outages, ranges, wire
from uploads.storage.exactly import Exactly
from uploads.storage.keys import fixed, of_role
from uploads.storage.protocol import Beginning, Bucket, ObjectStat
from uploads.storage.signing import Signer

T = TypeVar("T")

PIECE = 1024 * 1024
_ATTEMPTS = 3
_SIGNED_SECONDS = 900
_PATIENCE_SECONDS = 15.0  # no attempt begins after this
_REFUSED = frozenset({401, 403})
_PLACES = 16
# Greenlets wait for a place, with their bodies on disk; thousands of clients may end together.
_PLACE_SECONDS = 60.0
_log = structlog.get_logger(__name__)


class S3:
    """`Storage` over S3. `endpoint` is what servers use, `public_url` what clients see.

    Where the keys are None it has those of the role that the platform gives this process.
    """

    def __init__(
        self,
        *,
        endpoint: str,
        public_url: str,
        region: str,
        access_key: str | None,
        secret_key: str | None,
        bucket_prefix: str = "",
    ) -> None:
        self._prefix = bucket_prefix
        self._endpoint = endpoint.rstrip("/")
        keys = of_role() if access_key is None else fixed(access_key, secret_key or "")
        self._signer = Signer(self._endpoint, region, keys)
        self._public_signer = Signer(public_url, region, keys)
        # Of all that can be waited for with a time limit, a queue costs least.
        self._places: SimpleQueue[None] = SimpleQueue()
        for _ in range(_PLACES):
            self._places.put(None)
        self._wire = wire.Wire(self._endpoint)
        self._pool = urllib3.PoolManager(
            maxsize=64,
            retries=False,
            timeout=urllib3.Timeout(connect=2.0, read=30.0),
        )

    def put(self, bucket: Bucket, key: str, body: Iterable[bytes], size: int) -> None:
        """Store one object. `body` is iterated anew for each attempt, so it must allow that."""
        kind = {"Content-Type": "application/octet-stream"}
        url = self._sign("PUT", bucket, key, {"Content-Length": str(size), **kind})
        exactly = Exactly(body, size)

        self._insist("PUT", lambda: _answered(self._wire.put(url, kind, exactly, size)))

    @contextmanager
    def open(self, bucket: Bucket, key: str) -> Iterator[Iterator[bytes]]:
        response = self._send("GET", self._sign("GET", bucket, key), stream=True)
        try:
            yield _pieces(response)
        finally:
            # A reader that stopped early must not leave half an answer in a pooled connection.
            response.close()
            response.release_conn()

    @contextmanager
    def open_range(
        self, bucket: Bucket, key: str, offset: int, length: int
    ) -> Iterator[Iterator[bytes]]:
        headers = {"Range": f"bytes={offset}-{offset + length - 1}"}
        url = self._sign("GET", bucket, key)
        response = self._send("GET", url, headers=headers, stream=True)
        try:
            yield ranges.pieces(response, offset, length)
        finally:
            response.close()
            response.release_conn()

    def stat(self, bucket: Bucket, key: str) -> ObjectStat | None:
        url = self._sign("HEAD", bucket, key)
        try:
            fields = self._insist("HEAD", lambda: _answered(self._wire.head(url))).fields
        except ObjectMissing:
            return None
        modified = fields.get("last-modified")
        return ObjectStat(
            key=key,
            size=int(fields["content-length"]),
            modified_at=parsedate_to_datetime(modified) if modified else datetime.now(UTC),
        )

    def list(self, bucket: Bucket, prefix: str = "") -> Iterator[ObjectStat]:
        asked = {"list-type": "2", "encoding-type": "url", "prefix": prefix}
        while True:
            url = self._sign("GET", bucket, asked=asked)
            try:
                page = listing.read(self._send("GET", url).data)
            except (ObjectMissing, ValueError) as error:
                raise StorageUnavailable(f"no list of {bucket}: {error}") from error
            yield from page.objects
            if not page.more:
                return
            if page.more == asked.get("continuation-token"):
                raise StorageUnavailable(f"the list of {bucket} does not go on")
            asked["continuation-token"] = page.more

    def delete(self, bucket: Bucket, key: str) -> None:
        try:
            self._send("DELETE", self._sign("DELETE", bucket, key))
        except ObjectMissing:
            return

    def sign_get(
        self, bucket: Bucket, key: str, *, disposition: str, content_type: str, seconds: int
    ) -> str:
        path = f"/{self._prefix}{bucket}/{key}"
        asked = {
            "response-content-disposition": disposition,
            "response-content-type": content_type,
        }
        return self._public_signer.url("GET", path, {}, datetime.now(UTC), seconds, asked)

    def first(self, bucket: Bucket, key: str, size: int) -> Beginning:
        url = self._sign("GET", bucket, key)
        # Some stores answer with the whole object: the rest of it is not read.
        wanted = {"Range": f"bytes=0-{size - 1}", "Accept-Encoding": "identity"}
        answer = self._insist("GET", lambda: _begun(self._wire.first(url, wanted, size)))
        data = b"" if answer.status == 416 else answer.body
        whole = ranges.whole_size(answer.status, answer.fields, len(data), size)
        if whole is None:
            found = self.stat(bucket, key)
            if found is None:
                raise ObjectMissing(key)
            whole = found.size
        return Beginning(data, whole)

    def sign_put(
        self, bucket: Bucket, key: str, *, headers: Mapping[str, str], seconds: int
    ) -> str:
        path = f"/{self._prefix}{bucket}/{key}"
        return self._public_signer.url("PUT", path, headers, datetime.now(UTC), seconds)

    def ready(self) -> None:
        for bucket in Bucket:
            self._send("HEAD", self._sign("HEAD", bucket), attempts=1)

    def _sign(
        self,
        method: str,
        bucket: Bucket,
        key: str = "",
        headers: dict[str, str] | None = None,
        asked: Mapping[str, str] | None = None,
    ) -> str:
        """A URL for this one request; every header given is part of the signature.

        Without a key it is about the bucket itself.
        """
        path = f"/{self._prefix}{bucket}/{key}".rstrip("/")
        now = datetime.now(UTC)
        return self._signer.url(method, path, headers or {}, now, _SIGNED_SECONDS, asked or {})

    def _send(
        self,
        method: str,
        url: str,
        *,
        headers: dict[str, str] | None = None,
        stream: bool = False,
        attempts: int = _ATTEMPTS,
    ) -> urllib3.BaseHTTPResponse:
        """Send one request without a body."""

        def attempt() -> _Outcome[urllib3.BaseHTTPResponse]:
            response = self._pool.request(method, url, headers=headers, preload_content=not stream)
            return _Outcome(response.status, response, lambda: _whole(response))

        return self._insist(method, attempt, attempts)

    def _insist(
        self, method: str, attempt: Callable[[], _Outcome[T]], attempts: int = _ATTEMPTS
    ) -> T:
        """Do it, again when the store was away or overloaded, with jitter between."""
        cause = ""
        patience = time.monotonic() + _PATIENCE_SECONDS
        for number in range(attempts):
            if number:
                time.sleep(random.uniform(0.05, 0.2) * 4**number)  # noqa: S311  jitter, no secret
            if time.monotonic() > patience:
                break
            try:
                self._take_place()
                try:
                    outcome = attempt()
                finally:
                    self._places.put(None)
                if outcome.status < 300:
                    return outcome.value
                words = outcome.words()
            except (urllib3.exceptions.HTTPError, wire.Broken) as error:
                cause = outages.in_words(error)
                continue
            cause = f"{method} answered {outcome.status}"
            _refuse(method, outcome.status, words, cause)
        raise StorageUnavailable(cause)

    def _take_place(self) -> None:
        """One of the places for requests under way: a store that hangs must not hold all threads.

        Raises StorageUnavailable when none is free in time.
        """
        try:
            self._places.get(timeout=_PLACE_SECONDS)
        except Empty as error:
            raise StorageUnavailable("too many requests to the store are under way") from error


@dataclass(frozen=True, slots=True)
class _Outcome(Generic[T]):
    """What one attempt gave: a value, or with a status that is none of success the words of it."""

    status: int
    value: T
    words: Callable[[], bytes]


def _answered(answer: wire.Answer) -> _Outcome[wire.Answer]:
    return _Outcome(answer.status, answer, lambda: answer.body)


def _begun(answer: wire.Answer) -> _Outcome[wire.Answer]:
    """Of an object without any bytes there are no first ones, says RFC 9110 section 15.5.17."""
    status = 206 if answer.status == 416 else answer.status
    return _Outcome(status, answer, lambda: answer.body)


def _whole(response: urllib3.BaseHTTPResponse) -> bytes:
    """The rest of an answer; its connection is free afterwards."""
    words = response.data
    response.release_conn()
    return words


def _refuse(method: str, status: int, answer: bytes, cause: str) -> None:
    """Raise for an answer that another attempt will not change; return for one that it may."""
    # Without its bucket no object can be called missing: that is a store set up wrongly.
    if status == 404 and method != "PUT" and b"NoSuchBucket" not in answer:
        raise ObjectMissing(cause)
    if status == 507 or b"no space left" in answer.lower():
        raise StorageFull(cause)
    if status < 500 and status != 429:
        _log.error("storage_refused", status=status, answer=answer[:300].decode("utf-8", "replace"))
        raise (StorageRefused if status in _REFUSED else StorageUnavailable)(cause)


def _pieces(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    """The body in pieces; urllib3 raises IncompleteRead when fewer bytes than announced come."""
    try:
        yield from response.stream(PIECE, decode_content=False)
    except urllib3.exceptions.HTTPError as error:
        raise StorageUnavailable(type(error).__name__) from error
