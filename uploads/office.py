"""What a worker found of LibreOffice, told to all processes: in Redis, where it ends by itself.

A setting only asks for these previews. Whether they are made depends on what is installed where the
workers run, and on what their kernel can lock; a worker tries both at its start, and repeats what
it found each hour.
"""

from __future__ import annotations

import structlog
from redis import Redis, RedisError

ON = "on"
_NAME = "uploads:office-previews"
_LIFE_SECONDS = 2 * 3600
_TIMEOUT_SECONDS = 1.0
_log = structlog.get_logger(__name__)


class OfficeWord:
    """The last word of a worker: `on`, or why not."""

    def __init__(self, redis_url: str) -> None:
        self._redis_url = redis_url

    def record(self, word: str) -> None:
        """Tell everybody; a Redis that is away is told at the next time."""
        try:
            with self._redis() as redis:
                redis.set(_NAME, word[:500], ex=_LIFE_SECONDS)
        except RedisError as error:
            _log.warning("office_word_not_told", cause=type(error).__name__)

    def read(self) -> str:
        """The word, or `unknown` when there is none to be had."""
        try:
            with self._redis() as redis:
                found = redis.get(_NAME)
        except RedisError as error:
            _log.warning("office_word_not_read", cause=type(error).__name__)
            return "unknown"
        return found.decode("utf-8", "replace") if isinstance(found, bytes) else "unknown"

    def _redis(self) -> Redis:
        seconds = _TIMEOUT_SECONDS
        return Redis.from_url(
            self._redis_url, socket_connect_timeout=seconds, socket_timeout=seconds
        )
