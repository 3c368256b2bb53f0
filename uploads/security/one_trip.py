"""Flask-Limiter with one question to Redis for all limits that count across all routes.

By itself it asks once for each limit, and once more for what the answer's headers tell: four trips
through redis-py's client for a request with a key, which cost more than a grant's own commit. What
is kept in Redis, and who is refused when, are those of `limits.storage.RedisStorage`: its moving
window is a list of times, the newest first. Limits of single views, and everything while Redis is
away, are left to Flask-Limiter.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask, request
from flask_limiter import Limiter, RequestLimit
from flask_limiter._limits import RuntimeLimit
from flask_limiter.errors import RateLimitExceeded
from limits import WindowStats
from limits.storage import RedisStorage
from redis import RedisError

from uploads.roundtrips import Call, RoundTrips, Script

_PLACE = "\0"

# KEYS: windows, in the order in which they are asked. ARGV: the time in seconds; then for each
# window its limit and its length in seconds. As in `acquire_moving_window.lua` and
# `moving_window.lua` of `limits`, for one request; the first window that is full ends it.
# Returns the number of what refuses (0: none), and of that window, or else of the first, the oldest
# time that still counts and how many count.
_HIT = Script(
    """
local now = tonumber(ARGV[1])
local function counted(i)
  local low, high, found = 0, tonumber(ARGV[2*i]) - 1, nil
  while low <= high do
    local mid = math.floor((low + high) / 2)
    local at = tonumber(redis.call('LINDEX', KEYS[i], mid))
    if at and at >= now - tonumber(ARGV[2*i+1]) then
      found, low = mid, mid + 1
    else
      high = mid - 1
    end
  end
  if not found then return ARGV[1], 0 end
  return tostring(tonumber(redis.call('LINDEX', KEYS[i], found))), found + 1
end
for i = 1, #KEYS do
  local most, seconds = tonumber(ARGV[2*i]), tonumber(ARGV[2*i+1])
  local last = most > 0 and redis.call('LINDEX', KEYS[i], most - 1)
  if most < 1 or (last and tonumber(last) >= now - seconds) then return {i, counted(i)} end
  redis.call('LPUSH', KEYS[i], now)
  redis.call('LTRIM', KEYS[i], 0, most - 1)
  redis.call('EXPIRE', KEYS[i], seconds)
end
return {0, counted(1)}
"""
)


@dataclass(frozen=True, slots=True)
class _Window:
    """One limit, and its key in Redis but for whose it is."""

    of: RuntimeLimit
    scope: str
    most: int
    seconds: int
    before: str
    after: str


class OneTripLimiter(Limiter):
    """`passes_over` says of a request that none of these limits is for it.

    Redis is waited for `seconds` at most, for a connection and for the answer.
    """

    def __init__(
        self,
        key_func: Callable[[], str],
        *,
        app: Flask,
        redis_url: str,
        seconds: float,
        passes_over: Callable[[], bool],
        **options: Any,
    ) -> None:
        super().__init__(key_func, app=app, **options)
        self.request_filter(passes_over)
        self._passes_over = passes_over
        self._windows: list[_Window] = []
        self._trips: RoundTrips | None = None
        if isinstance(self.storage, RedisStorage):
            self._trips = RoundTrips(redis_url, seconds)
            self._windows = [self._window(one) for one in self._in_order()]

    def count(self) -> None:
        """Spend one of each limit that counts across all routes. Raises RateLimitExceeded."""
        self._check_request_limit()

    def _check_request_limit(
        self, callable_name: str | None = None, in_middleware: bool = True
    ) -> None:
        """Called before each request; for a view that has limits of its own, before that as well.

        Raises RateLimitExceeded.
        """
        if in_middleware and self._trips is not None and not self._storage_dead:
            try:
                self._check_together(self._trips)
                return
            except RedisError:
                self.logger.warning("Rate limit storage unreachable - falling back to in-memory")
                self._storage_dead = True
        super()._check_request_limit(callable_name, in_middleware)

    def _in_order(self) -> list[RuntimeLimit]:
        """As Flask-Limiter asks them: the shorter windows first."""
        return sorted(self.limit_manager.application_limits, key=lambda one: one.limit)

    def _window(self, limit: RuntimeLimit) -> _Window:
        scope = limit.scope_for("", None)
        key = limit.limit.key_for(self._key_prefix, _PLACE, scope)
        before, _, after = self.storage.prefixed_key(key).partition(_PLACE)  # type: ignore[attr-defined]
        item = limit.limit
        return _Window(limit, scope, item.amount, item.get_expiry(), before, after)

    def _check_together(self, trips: RoundTrips) -> None:
        if (request.endpoint or "").rpartition(".")[2] == "static" or self._passes_over():
            return
        asked = [(one, one.of.key_func()) for one in self._windows if not one.of.is_exempt]
        if not asked:
            return
        arguments: list[str | int] = [repr(time.time())]
        for window, _ in asked:
            arguments += (window.most, window.seconds)
        keys = [window.before + whose + window.after for window, whose in asked]
        [(refused, oldest, count)] = trips.run([Call(_HIT, keys, arguments)])
        window, whose = asked[max(0, refused - 1)]
        told = WindowStats(float(oldest) + window.seconds, window.most - count)
        current = _Counted(self, window, [self._key_prefix, whose, window.scope], refused > 0, told)
        self.context.view_rate_limit = current
        self.context.view_rate_limits = [current]
        if refused:
            self.logger.info("ratelimit %s (%s) exceeded", window.of.limit, whose)
            raise RateLimitExceeded(window.of)


class _Counted(RequestLimit):
    """A limit whose window is known already."""

    def __init__(
        self,
        limiter: Limiter,
        window: _Window,
        arguments: list[str],
        breached: bool,
        told: WindowStats,
    ) -> None:
        super().__init__(limiter, window.of.limit, arguments, breached, window.of.shared)
        self._told = told

    @property
    def window(self) -> WindowStats:
        return self._told
