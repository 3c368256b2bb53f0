"""What the service needs of a store, and nothing more.

Nothing here rests on S3 metadata, versions, conditional writes, stored checksums or server-side
copies: not every store has them, and some say they have.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Bucket(StrEnum):
    """The three places. Only `CLEAN` is ever read on behalf of a client."""

    INCOMING = "incoming"
    QUARANTINE = "quarantine"
    CLEAN = "clean"


@dataclass(frozen=True, slots=True)
class ObjectStat:
    key: str
    size: int
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class Beginning:
    """The first bytes of an object, and how many it has in all."""

    data: bytes
    whole: int


class Storage(Protocol):
    """Objects by bucket and key. Keys match `^[a-z0-9/]+$` and come from the server alone.

    Every verb raises `documents.errors.StorageUnavailable` when the store cannot be reached,
    refuses for its own reasons, or ends in the middle.
    """

    def put(self, bucket: Bucket, key: str, body: Iterable[bytes], size: int) -> None:
        """Store exactly `size` bytes from `body` as one object (S3 `PutObject`)."""

    def open(self, bucket: Bucket, key: str) -> AbstractContextManager[Iterator[bytes]]:
        """Stream one object's bytes in pieces of at most 1 MiB (S3 `GetObject`).

        Raises `documents.errors.ObjectMissing` when there is no such object, and
        `StorageUnavailable` when fewer bytes arrive than the store announced.
        """

    def open_range(
        self, bucket: Bucket, key: str, offset: int, length: int
    ) -> AbstractContextManager[Iterator[bytes]]:
        """Stream exactly `length` bytes from `offset`, in pieces of at most 256 KiB.

        For readers that may be slow: a piece is what each of them holds in memory (S3 `GetObject`,
        `Range`). `length` is at least 1. Raises what `open` raises, and `StorageUnavailable` when
        the object does not have these bytes.
        """

    def stat(self, bucket: Bucket, key: str) -> ObjectStat | None:
        """Size and time of one object, or None (S3 `HeadObject`)."""

    def list(self, bucket: Bucket, prefix: str = "") -> Iterator[ObjectStat]:
        """Every object below `prefix`, in key order (S3 `ListObjectsV2`)."""

    def delete(self, bucket: Bucket, key: str) -> None:
        """Remove an object; a missing one is quiet (S3 `DeleteObject`)."""

    def sign_get(
        self, bucket: Bucket, key: str, *, disposition: str, content_type: str, seconds: int
    ) -> str:
        """A URL for clients that reads this one object for `seconds` (SigV4 presigned GET).

        The store is told to answer with this Content-Disposition and Content-Type.
        """

    def first(self, bucket: Bucket, key: str, size: int) -> Beginning:
        """The first `size` bytes of one object, fewer where it has fewer (S3 `GetObject`, `Range`).

        With them comes the size of all of it, as `stat` tells it. Raises
        `documents.errors.ObjectMissing` when there is no such object.
        """

    def sign_put(
        self, bucket: Bucket, key: str, *, headers: Mapping[str, str], seconds: int
    ) -> str:
        """A URL for clients that writes this one object for `seconds` (SigV4 presigned PUT).

        Every header given is part of the signature: it must be sent as it is.
        """

    def ready(self) -> None:
        """Return when the store answers for all three buckets; raise otherwise."""
