"""What was proved of the store, told to all processes: in Redis, where it ends by itself.

An operator's word is no proof, and a store may change its ways. So workers try it
(`workers/proving.py`), and what they found holds for some hours. Not known is not proved.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from enum import StrEnum

import structlog
from redis import Redis, RedisError

from uploads.config import Settings

_LOOK_SECONDS = 60.0
_TIMEOUT_SECONDS = 1.0
# A proof is renewed so many seconds before its end, so that it has none while the store is there.
_EARLY_SECONDS = 2 * 3600
_log = structlog.get_logger(__name__)


class Finding(StrEnum):
    """Whether the store holds a PUT against its signed x-amz-checksum-sha256."""

    PROVED = "proved"
    DISPROVED = "disproved"
    UNKNOWN = "unknown"


_LIFE_SECONDS = {Finding.PROVED: 8 * 3600, Finding.DISPROVED: 6 * 3600, Finding.UNKNOWN: 600}


class StoreProof:
    """The last finding about one store, which its addresses name. `clock` is monotonic seconds."""

    def __init__(
        self, redis_url: str, store: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._redis_url = redis_url
        digest = hashlib.sha256(store.encode()).hexdigest()[:32]
        self._name = f"uploads:store-checks-sha256:{digest}"
        self._clock = clock
        self._lock = threading.Lock()
        self._look_at = clock()
        self._holds = False

    @classmethod
    def of(cls, settings: Settings) -> StoreProof:
        """The proof about the store that these settings name."""
        places = settings.s3_endpoint, settings.s3_public_url, settings.s3_bucket_prefix
        return cls(settings.redis_url, " ".join(places))

    def holds(self) -> bool:
        """Whether it is proved. Looked up once a minute; who cannot look has no proof."""
        with self._lock:
            if self._clock() < self._look_at:
                return self._holds
            # Those who come while this one looks hear what was known before.
            self._look_at = self._clock() + _LOOK_SECONDS
        try:
            with self._redis() as redis:
                self._holds = redis.get(self._name) == Finding.PROVED.encode()
        except RedisError as error:
            self._holds = False
            _log.warning("proof_not_read", cause=type(error).__name__)
        return self._holds

    def due(self) -> bool:
        """Whether the store is to be tried again. Raises RedisError."""
        with self._redis() as redis:
            found, left = redis.get(self._name), redis.ttl(self._name)
        # TTL answers -2 where there is nothing.
        return bool(left <= (_EARLY_SECONDS if found == Finding.PROVED.encode() else 0))

    def record(self, finding: Finding) -> None:
        """Tell everybody. Raises RedisError."""
        with self._redis() as redis:
            redis.set(self._name, finding.value, ex=_LIFE_SECONDS[finding])

    def _redis(self) -> Redis:
        seconds = _TIMEOUT_SECONDS
        return Redis.from_url(
            self._redis_url, socket_connect_timeout=seconds, socket_timeout=seconds
        )
