"""Counts and times what is asked of the store, from outside of whatever store it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

from uploads.documents.errors import StorageFull, StorageUnavailable
from uploads.metrics import STORAGE_ERRORS, STORAGE_SECONDS
from uploads.storage.protocol import Beginning, Bucket, ObjectStat, Storage

T = TypeVar("T")


class CountedStorage:
    """`Storage` that is another one, with every call entered into the metrics.

    Signing is left out: it asks nobody.
    """

    def __init__(self, store: Storage) -> None:
        self._store = store

    def put(self, bucket: Bucket, key: str, body: Iterable[bytes], size: int) -> None:
        return _called("put", lambda: self._store.put(bucket, key, body, size))

    def open(self, bucket: Bucket, key: str) -> AbstractContextManager[Iterator[bytes]]:
        return _opened("get", self._store.open(bucket, key))

    def open_range(
        self, bucket: Bucket, key: str, offset: int, length: int
    ) -> AbstractContextManager[Iterator[bytes]]:
        return _opened("get-range", self._store.open_range(bucket, key, offset, length))

    def stat(self, bucket: Bucket, key: str) -> ObjectStat | None:
        return _called("stat", lambda: self._store.stat(bucket, key))

    def list(self, bucket: Bucket, prefix: str = "") -> Iterator[ObjectStat]:
        """Only its failures: how long it takes is its reader's affair."""
        with _failures("list"):
            yield from self._store.list(bucket, prefix)

    def delete(self, bucket: Bucket, key: str) -> None:
        return _called("delete", lambda: self._store.delete(bucket, key))

    def sign_get(
        self, bucket: Bucket, key: str, *, disposition: str, content_type: str, seconds: int
    ) -> str:
        return self._store.sign_get(
            bucket, key, disposition=disposition, content_type=content_type, seconds=seconds
        )

    def first(self, bucket: Bucket, key: str, size: int) -> Beginning:
        return _called("first", lambda: self._store.first(bucket, key, size))

    def sign_put(
        self, bucket: Bucket, key: str, *, headers: Mapping[str, str], seconds: int
    ) -> str:
        return self._store.sign_put(bucket, key, headers=headers, seconds=seconds)

    def ready(self) -> None:
        return _called("ready", self._store.ready)


def _called(operation: str, act: Callable[[], T]) -> T:
    began = time.monotonic()
    try:
        return act()
    except (StorageFull, StorageUnavailable) as error:
        _count(operation, error)
        raise
    finally:
        STORAGE_SECONDS.observe(time.monotonic() - began, operation)


@contextmanager
def _opened(
    operation: str, opening: AbstractContextManager[Iterator[bytes]]
) -> Iterator[Iterator[bytes]]:
    """The time is up to the first byte, the failures are all of them."""
    began = time.monotonic()
    with _failures(operation), opening as pieces:
        STORAGE_SECONDS.observe(time.monotonic() - began, operation)
        yield pieces


@contextmanager
def _failures(operation: str) -> Iterator[None]:
    try:
        yield
    except (StorageFull, StorageUnavailable) as error:
        _count(operation, error)
        raise


def _count(operation: str, error: StorageFull | StorageUnavailable) -> None:
    STORAGE_ERRORS.count(operation, "full" if isinstance(error, StorageFull) else "unavailable")
