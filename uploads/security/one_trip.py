"""Flask-Limiter with one question to Redis for all limits that count across all routes.

By itself it asks once for each limit, and once more for what the answer's headers tell: four trips
through redis-py's client for a request with a key, which cost more than a grant's own commit. What
is kept in Redis, and who is refused when, are those of `limits.storage.RedisStorage`: its moving
window is a list of times, the newest first. Limits of single views, and everything while Redis is
away, are left to Flask-Limiter.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from flask import Flask, Request, g
from flask_limiter import ApplicationLimit, Limiter, RequestLimit
from flask_limiter._limits import RuntimeLimit
from flask_limiter.errors import RateLimitExceeded
from limits.storage import RedisStorage
from redis import RedisError

from uploads.documents.model import Actor
from uploads.roundtrips import Call, RoundTrips, Script
from uploads.security.principals import current_actor, present

_PLACE = "\0"

# KEYS: windows, in the order in which they are asked. ARGV: the time in seconds; then for each
# window its limit and its length in seconds. As in `acquire_moving_window.lua` and
# `moving_window.lua` of `limits`, for one request; the first window that is full ends it.
# Returns whether one refuses (1, or 0: none), and of that window, or else of the one with the least
# left, its number, the oldest time that still counts and how many count. It is mostly the last one
# of the list, which is looked at first, because what no longer counts is let go: to halve the limit
# until it is found took Redis more than all the rest.
_HIT = Script(
    """
local now = tonumber(ARGV[1])
local function counted(i, most, seconds)
  local kept = redis.call('LLEN', KEYS[i])
  local low, high, found = 0, math.min(most, kept) - 1, nil
  local at = high
  while low <= high do
    local time = redis.call('LINDEX', KEYS[i], at)
    if tonumber(time) >= now - seconds then
      found, low = time, at + 1
    else
      high = at - 1
    end
    at = math.floor((low + high) / 2)
  end
  if not found then return ARGV[1], 0 end
  if low < kept then redis.call('LTRIM', KEYS[i], 0, low - 1) end
  return tostring(tonumber(found)), low
end
local told, oldest, count, least, latest
for i = 1, #KEYS do
  local most, seconds = tonumber(ARGV[2*i]), tonumber(ARGV[2*i+1])
  local last = most > 0 and redis.call('LINDEX', KEYS[i], most - 1)
  if most < 1 or (last and tonumber(last) >= now - seconds) then
    return {1, i, counted(i, most, seconds)}
  end
  if redis.call('LPUSH', KEYS[i], now) > most then
    redis.call('LTRIM', KEYS[i], 0, most - 1)
  end
  redis.call('EXPIRE', KEYS[i], seconds)
  local since, n = counted(i, most, seconds)
  local left, ends = most - n, tonumber(since) + seconds
  if not told or left < least or (left == least and ends > latest) then
    told, oldest, count, least, latest = i, since, n, left, ends
  end
end
return {0, told, oldest, count}
"""
)


class Told(NamedTuple):
    """What a caller is told of a limit: of `most` requests in `seconds` so many are `left`, and
    more from `reset_at` on (Unix time)."""

    policy: str
    most: int
    seconds: int
    left: int
    reset_at: int

    def bites_at(self) -> tuple[int, int]:
        """Smaller for what refuses sooner; of two with as much left, for what refuses longer."""
        return self.left, -self.reset_at


@dataclass(frozen=True, slots=True)
class Budget:
    """A rate that counts across all routes.

    `whose` names what a request by this actor spends, None where this rate is not for it. The
    name's first word, up to a slash, is the policy's.
    """

    rate: str
    whose: Callable[[Request, Actor | None], str | None]

    def __call__(self) -> str:
        """What the present request spends, as Flask-Limiter asks for it."""
        return self.whose(present(), current_actor()) or ""

    def spares(self) -> bool:
        """Whether it is not for the present request."""
        return not self()


@dataclass(frozen=True, slots=True)
class _Window:
    """One limit of a budget, and its key in Redis but for whose it is."""

    of: RuntimeLimit
    budget: Budget
    most: int
    seconds: int
    before: str
    after: str


class OneTripLimiter(Limiter):
    """`passes_over` says of a request that none of the `budgets` is for it.

    Redis is waited for `seconds` at most, for a connection and for the answer.
    """

    def __init__(
        self,
        budgets: Sequence[Budget],
        *,
        app: Flask,
        redis_url: str,
        seconds: float,
        passes_over: Callable[[Request, Actor | None], bool],
        **options: Any,
    ) -> None:
        everywhere: list[Any] = [
            ApplicationLimit(one.rate, key_function=one, exempt_when=one.spares) for one in budgets
        ]
        super().__init__(budgets[0], app=app, application_limits=everywhere, **options)
        self.request_filter(lambda: passes_over(present(), current_actor()))
        self._passes_over = passes_over
        self._windows: list[_Window] = []
        self._trips: RoundTrips | None = None
        if isinstance(self.storage, RedisStorage):
            self._trips = RoundTrips(redis_url, seconds)
            self._windows = [self._window(one) for one in self._in_order()]

    def count(self, asked: Request, actor: Actor | None) -> None:
        """Spend one of each limit that counts across all routes. Raises RateLimitExceeded."""
        if self._trips is not None and not self._storage_dead:
            try:
                self._check_together(self._trips, asked, actor)
                return
            except RedisError:
                self.logger.warning("Rate limit storage unreachable - falling back to in-memory")
                self._storage_dead = True
        self._check_apart(None, True)

    def told(self) -> Told | None:
        """What will refuse the caller first, of all that was counted for the present request.

        Raises what the store's client raises, where Flask-Limiter counted.
        """
        kept = g._get_current_object()
        together: Told | None = kept.get("counted")
        found = [_told(one) for one in kept.get("counted_apart", ())]
        return min([together, *found] if together else found, key=Told.bites_at, default=None)

    def _check_request_limit(
        self, callable_name: str | None = None, in_middleware: bool = True
    ) -> None:
        """Called by Flask-Limiter; for a view that has limits of its own, before that as well.

        Raises RateLimitExceeded.
        """
        if in_middleware:
            self.count(present(), current_actor())
        else:
            self._check_apart(callable_name, in_middleware)

    def _check_apart(self, callable_name: str | None, in_middleware: bool) -> None:
        try:
            super()._check_request_limit(callable_name, in_middleware)
        finally:
            first, kept = self.current_limit, g._get_current_object()
            # Of a view's own limits only this one: to ask for another would be one more trip, and
            # would tell how often others guessed at what the caller asks for.
            alone = first is not None and (first.breached or not in_middleware)
            found = [first] if alone else list(self.current_limits)
            before = () if in_middleware else kept.get("counted_apart", ())
            kept.counted_apart = [*before, *found]

    def _in_order(self) -> list[RuntimeLimit]:
        """As Flask-Limiter asks them: the shorter windows first."""
        return sorted(self.limit_manager.application_limits, key=lambda one: one.limit)

    def _window(self, limit: RuntimeLimit) -> _Window:
        key = limit.limit.key_for(self._key_prefix, _PLACE, limit.scope_for("", None))
        before, _, after = self.storage.prefixed_key(key).partition(_PLACE)  # type: ignore[attr-defined]
        item, budget = limit.limit, cast(Budget, limit.key_func)
        return _Window(limit, budget, item.amount, item.get_expiry(), before, after)

    def _check_together(self, trips: RoundTrips, asked: Request, actor: Actor | None) -> None:
        if (asked.endpoint or "").rpartition(".")[2] == "static" or self._passes_over(asked, actor):
            return
        spent, keys = [], []
        arguments: list[str | int] = [repr(time.time())]
        for window in self._windows:
            if whose := window.budget.whose(asked, actor):
                spent.append((window, whose))
                keys.append(window.before + whose + window.after)
                arguments += (window.most, window.seconds)
        if not spent:
            return
        [(refused, number, oldest, count)] = trips.run([Call(_HIT, keys, arguments)])
        window, whose = spent[number - 1]
        # Rounded up as Flask-Limiter does.
        reset_at = int(float(oldest) + window.seconds + 1)
        policy = whose.partition("/")[0]
        left = window.most - count
        kept = g._get_current_object()
        kept.counted = Told(policy, window.most, window.seconds, left, reset_at)
        if refused:
            self.logger.info("ratelimit %s (%s) exceeded", window.of.limit, whose)
            raise RateLimitExceeded(window.of)


def _told(counted: RequestLimit) -> Told:
    """Behind Flask-Limiter's own prefix the key begins with the policy's name."""
    policy, limit = counted.request_args[1].partition("/")[0], counted.limit
    return Told(policy, limit.amount, limit.get_expiry(), counted.remaining, counted.reset_at)
