"""Stand-ins for staging faults. Held to the same contract suites as the real parts."""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from urllib.parse import urlencode

from uploads.documents.errors import ObjectMissing, StorageUnavailable
from uploads.storage.protocol import Beginning, Bucket, ObjectStat


class MemoryStorage:
    """`Storage` in a dictionary; `broken` makes every verb raise StorageUnavailable."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self.objects: dict[tuple[Bucket, str], tuple[bytes, datetime]] = {}
        self.broken = False
        self._lock = threading.Lock()

    def put(self, bucket: Bucket, key: str, body: Iterable[bytes], size: int) -> None:
        self._check()
        data = b"".join(body)
        if len(data) != size:
            raise StorageUnavailable("the body has another size than announced")
        with self._lock:
            self.objects[bucket, key] = (data, self._clock())

    @contextmanager
    def open(self, bucket: Bucket, key: str) -> Iterator[Iterator[bytes]]:
        self._check()
        found = self.objects.get((bucket, key))
        if found is None:
            raise ObjectMissing(key)
        yield (found[0][at : at + 1024 * 1024] for at in range(0, len(found[0]), 1024 * 1024))

    @contextmanager
    def open_range(
        self, bucket: Bucket, key: str, offset: int, length: int
    ) -> Iterator[Iterator[bytes]]:
        with self.open(bucket, key) as pieces:
            data = b"".join(pieces)[offset : offset + length]
        if len(data) != length:
            raise StorageUnavailable("the object ends before that")
        yield (data[at : at + 256 * 1024] for at in range(0, length, 256 * 1024))

    def stat(self, bucket: Bucket, key: str) -> ObjectStat | None:
        self._check()
        found = self.objects.get((bucket, key))
        return ObjectStat(key, len(found[0]), found[1]) if found else None

    def list(self, bucket: Bucket, prefix: str = "") -> Iterator[ObjectStat]:
        self._check()
        for (place, key), (data, at) in sorted(self.objects.items()):
            if place is bucket and key.startswith(prefix):
                yield ObjectStat(key, len(data), at)

    def delete(self, bucket: Bucket, key: str) -> None:
        self._check()
        self.objects.pop((bucket, key), None)

    def sign_get(
        self, bucket: Bucket, key: str, *, disposition: str, content_type: str, seconds: int
    ) -> str:
        mark = hmac.new(b"fake", f"{bucket}/{key}/{seconds}".encode(), hashlib.sha256).hexdigest()
        return f"http://memory.invalid/{bucket}/{key}?sig={mark}"

    def first(self, bucket: Bucket, key: str, size: int) -> Beginning:
        with self.open(bucket, key) as pieces:
            whole = b"".join(pieces)
        return Beginning(whole[:size], len(whole))

    def sign_put(
        self, bucket: Bucket, key: str, *, headers: Mapping[str, str], seconds: int
    ) -> str:
        """An address that says what it allows: nobody but a test reads it."""
        return f"http://memory.invalid/{bucket}/{key}?{urlencode(headers)}&seconds={seconds}"

    def ready(self) -> None:
        self._check()

    def _check(self) -> None:
        if self.broken:
            raise StorageUnavailable("staged fault")


class DeafHints:
    """`Hints` that only remembers: the message that is always lost."""

    def __init__(self) -> None:
        self.jobs: list[str] = []
        self.sweeps = 0
        self.woken: list[str] = []

    def job(self, job_id: str) -> None:
        self.jobs.append(job_id)

    def sweep(self) -> None:
        self.sweeps += 1

    def deliver(self, webhook_id: str) -> None:
        self.woken.append(webhook_id)
