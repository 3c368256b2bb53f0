"""The one store: any S3-compatible server, reached by URLs that boto3 signed.

boto3's signer makes the signatures, urllib3 carries the bytes: that costs a fifth of the CPU of a
boto3 call and streams without reading the body twice. What happens at each upload goes to the
signer directly, for the client in front of it costs four times as much. Nothing here knows what a
document is.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import boto3
import structlog
import urllib3
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError

from uploads.documents.errors import ObjectMissing, StorageFull, StorageUnavailable
from uploads.storage.protocol import Bucket, ObjectStat

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

PIECE = 1024 * 1024
_ATTEMPTS = 3
_SIGNED_SECONDS = 900
_PATIENCE_SECONDS = 15.0  # no attempt begins after this
_PLACES = 16
# Greenlets wait for a place, with their bodies on disk; thousands of clients may end together.
_PLACE_SECONDS = 60.0
_log = structlog.get_logger(__name__)


class S3:
    """`Storage` over S3. `endpoint` is what servers use, `public_url` what clients see.

    Signature version 4 is forced: against a custom endpoint boto3 would else sign only the path.
    """

    def __init__(
        self,
        *,
        endpoint: str,
        public_url: str,
        region: str,
        access_key: str,
        secret_key: str,
        bucket_prefix: str = "",
    ) -> None:
        self._prefix = bucket_prefix
        self._endpoint = endpoint.rstrip("/")
        self._signer = S3SigV4QueryAuth(
            Credentials(access_key, secret_key), "s3", region, expires=_SIGNED_SECONDS
        )
        self._inside = _client(endpoint, region, access_key, secret_key)
        self._outside = _client(public_url, region, access_key, secret_key)
        self._places = threading.BoundedSemaphore(_PLACES)
        self._pool = urllib3.PoolManager(
            maxsize=64,
            retries=False,
            timeout=urllib3.Timeout(connect=2.0, read=30.0),
        )

    def put(self, bucket: Bucket, key: str, body: Iterable[bytes], size: int) -> None:
        """Store one object. `body` is iterated anew for each attempt, so it must allow that."""
        headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
        self._send(
            "PUT",
            self._sign("PUT", bucket, key, headers),
            body=_Exactly(body, size),
            headers=headers,
        ).release_conn()

    @contextmanager
    def open(self, bucket: Bucket, key: str) -> Iterator[Iterator[bytes]]:
        response = self._send("GET", self._sign("GET", bucket, key), stream=True)
        try:
            yield _pieces(response)
        finally:
            # A reader that stopped early must not leave half an answer in a pooled connection.
            response.close()
            response.release_conn()

    def stat(self, bucket: Bucket, key: str) -> ObjectStat | None:
        try:
            response = self._send("HEAD", self._sign("HEAD", bucket, key))
        except ObjectMissing:
            return None
        modified = response.headers.get("Last-Modified")
        return ObjectStat(
            key=key,
            size=int(response.headers["Content-Length"]),
            modified_at=parsedate_to_datetime(modified) if modified else datetime.now(UTC),
        )

    def list(self, bucket: Bucket, prefix: str = "") -> Iterator[ObjectStat]:
        pages = self._inside.get_paginator("list_objects_v2").paginate(
            Bucket=self._prefix + bucket, Prefix=prefix
        )
        try:
            for page in pages:
                for found in page.get("Contents", []):
                    yield ObjectStat(found["Key"], found["Size"], found["LastModified"])
        except (BotoCoreError, ClientError) as error:
            raise StorageUnavailable(str(error)) from error

    def delete(self, bucket: Bucket, key: str) -> None:
        try:
            self._send("DELETE", self._sign("DELETE", bucket, key))
        except ObjectMissing:
            return

    def sign_get(
        self, bucket: Bucket, key: str, *, disposition: str, content_type: str, seconds: int
    ) -> str:
        return str(
            self._outside.generate_presigned_url(
                "get_object",
                Params={
                    "Bucket": self._prefix + bucket,
                    "Key": key,
                    "ResponseContentDisposition": disposition,
                    "ResponseContentType": content_type,
                },
                ExpiresIn=seconds,
            )
        )

    def ready(self) -> None:
        for bucket in Bucket:
            self._send("HEAD", self._sign_bucket(bucket), attempts=1)

    def _sign(
        self, method: str, bucket: Bucket, key: str, headers: dict[str, str] | None = None
    ) -> str:
        """A URL for this one request; every header given is part of the signature."""
        request = AWSRequest(
            method=method, url=f"{self._endpoint}/{self._prefix}{bucket}/{key}", headers=headers
        )
        self._signer.add_auth(request)
        return str(request.url)

    def _sign_bucket(self, bucket: Bucket) -> str:
        return str(
            self._inside.generate_presigned_url(
                "head_bucket", Params={"Bucket": self._prefix + bucket}, ExpiresIn=60
            )
        )

    def _send(
        self,
        method: str,
        url: str,
        *,
        body: Iterable[bytes] | None = None,
        headers: dict[str, str] | None = None,
        stream: bool = False,
        attempts: int = _ATTEMPTS,
    ) -> urllib3.BaseHTTPResponse:
        """Send one request, again when the store was away or overloaded, with jitter between."""
        cause = ""
        patience = time.monotonic() + _PATIENCE_SECONDS
        for attempt in range(attempts):
            if attempt:
                time.sleep(random.uniform(0.05, 0.2) * 4**attempt)  # noqa: S311  jitter, no secret
            if time.monotonic() > patience:
                break
            try:
                with self._place():
                    response = self._pool.request(
                        method,
                        url,
                        body=iter(body) if body is not None else None,
                        headers=headers,
                        preload_content=not stream,
                    )
                if response.status < 300:
                    return response
                answer = response.read() if stream else response.data
            except urllib3.exceptions.HTTPError as error:
                cause = type(error).__name__
                continue
            cause = f"{method} answered {response.status}"
            response.release_conn()
            _refuse(method, response.status, answer, cause)
        raise StorageUnavailable(cause)

    @contextmanager
    def _place(self) -> Iterator[None]:
        """One of the places for requests under way: a store that hangs must not hold all threads.

        Raises StorageUnavailable when none is free in time.
        """
        if not self._places.acquire(timeout=_PLACE_SECONDS):
            raise StorageUnavailable("too many requests to the store are under way")
        try:
            yield
        finally:
            self._places.release()


def _client(endpoint: str, region: str, access_key: str, secret_key: str) -> S3Client:
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            connect_timeout=2,
            read_timeout=30,
            retries={"max_attempts": 2},
        ),
    )


class _Exactly:
    """A body that breaks off the request rather than leave the server waiting for bytes."""

    def __init__(self, pieces: Iterable[bytes], size: int) -> None:
        self._pieces = pieces
        self._size = size

    def __iter__(self) -> Iterator[bytes]:
        sent = 0
        for piece in self._pieces:
            sent += len(piece)
            if sent > self._size:
                break
            yield piece
        if sent != self._size:
            raise StorageUnavailable(f"a body of {self._size} bytes has {sent}")


def _refuse(method: str, status: int, answer: bytes, cause: str) -> None:
    """Raise for an answer that another attempt will not change; return for one that it may."""
    # Without its bucket no object can be called missing: that is a store set up wrongly.
    if status == 404 and method != "PUT" and b"NoSuchBucket" not in answer:
        raise ObjectMissing(cause)
    if status == 507 or b"no space left" in answer.lower():
        raise StorageFull(cause)
    if status < 500 and status != 429:
        _log.error("storage_refused", status=status, answer=answer[:300].decode("utf-8", "replace"))
        raise StorageUnavailable(cause)


def _pieces(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    """The body in pieces; urllib3 raises IncompleteRead when fewer bytes than announced come."""
    try:
        yield from response.stream(PIECE, decode_content=False)
    except urllib3.exceptions.HTTPError as error:
        raise StorageUnavailable(type(error).__name__) from error
