"""The counters of all processes: the decision of `security.windows`, made inside Redis.

One call decides about every limit of an upload at once, by Redis's own clock, and one more, which
many share, ends it: a limiter that asked for each limit by itself would cost more than the
upload's own commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import structlog
from redis import RedisError

from uploads.gathering import Gathering
from uploads.roundtrips import Call, RoundTrips, Script
from uploads.security.windows import (
    BUCKETS,
    CALLERS,
    PLACE_SECONDS,
    Answer,
    Entry,
    Limits,
    Places,
    Window,
)

_SECONDS = 1.0
# How long ends of uploads are gathered. Whoever has had its answer may come back at once: its next
# beginning takes along what waits in this process, and the other processes' is here soon.
_GATHER_SECONDS = 0.003
_TOGETHER = 100
_log = structlog.get_logger(__name__)

# KEYS: windows, then places. ARGV: number of windows, token, life of a place in ms; then for each
# window its limit, bucket in ms, cost and what it needs; then for each place its limit.
# Returns the number of what refuses (0: none) and the wait in ms; then for each window rest and
# wait. Nothing is written before all have agreed.
_ENTER = Script(
    """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local count, token, life = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local refused, refused_wait, answer = 0, 0, {0, 0}
for i = 1, count do
  local most, bucket, needs = tonumber(ARGV[4*i]), tonumber(ARGV[4*i+1]), tonumber(ARGV[4*i+3])
  local flat, kept, rest = redis.call('HGETALL', KEYS[i]), {}, most
  local current = math.floor(now / bucket)
  for j = 1, #flat, 2 do
    local at = tonumber(flat[j])
    if at < current - BUCKETS then
      redis.call('HDEL', KEYS[i], flat[j])
    else
      kept[at] = tonumber(flat[j+1])
      rest = rest - kept[at]
    end
  end
  local wait, then_left = 0, rest
  for at = current - BUCKETS, current do
    if kept[at] and (wait == 0 or then_left < needs) then
      then_left = then_left + kept[at]
      wait = (at + BUCKETS + 1) * bucket - now
    end
  end
  if refused == 0 and rest < needs then refused, refused_wait = i, wait end
  answer[2*i+1], answer[2*i+2] = rest, wait
end
for i = count + 1, #KEYS do
  redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', now)
  if refused == 0 and redis.call('ZCARD', KEYS[i]) >= tonumber(ARGV[3*count+i+3]) then
    refused, refused_wait = i, 1000
  end
end
answer[1], answer[2] = refused, refused_wait
if refused > 0 then return answer end
for i = 1, count do
  local bucket, cost = tonumber(ARGV[4*i+1]), tonumber(ARGV[4*i+2])
  if cost > 0 then
    answer[2*i+1] = answer[2*i+1] - cost
    redis.call('HINCRBY', KEYS[i], string.format('%.0f', math.floor(now / bucket)), cost)
    redis.call('PEXPIRE', KEYS[i], bucket * (BUCKETS + 2))
  end
end
for i = count + 1, #KEYS do
  redis.call('ZADD', KEYS[i], now + life, token)
  redis.call('PEXPIRE', KEYS[i], life)
end
return answer
""".replace("BUCKETS", str(BUCKETS))
)

# KEYS: windows, then places. ARGV: number of windows, token, life (0: give the places back),
# amount; then each window's bucket in ms.
_CHARGE = Script(
    """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local count, token, life = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local amount = tonumber(ARGV[4])
for i = 1, count do
  local bucket = tonumber(ARGV[4+i])
  if amount > 0 then
    redis.call('HINCRBY', KEYS[i], string.format('%.0f', math.floor(now / bucket)), ARGV[4])
    redis.call('PEXPIRE', KEYS[i], bucket * (BUCKETS + 2))
  end
end
for i = count + 1, #KEYS do
  if life > 0 then
    redis.call('ZADD', KEYS[i], now + life, token)
    redis.call('PEXPIRE', KEYS[i], life)
  else
    redis.call('ZREM', KEYS[i], token)
  end
end
""".replace("BUCKETS", str(BUCKETS))
)


class SharedCounts:
    """`Counts` in Redis; its verbs raise `redis.RedisError` when it cannot be reached in time.

    Only `leave` does not: ends are gathered, and go with the next beginning or after a moment.
    """

    def __init__(self, redis_url: str) -> None:
        self._redis = RoundTrips(redis_url, _SECONDS)
        self._ended: Gathering[Call] = Gathering(
            "ends", self._send, seconds=_GATHER_SECONDS, together=_TOGETHER
        )

    def enter(self, entry: Entry) -> Answer:
        said = _said(entry.limits)
        call = Call(_ENTER, said.keys, (said.windows, entry.token, *said.asked))
        refused, wait, *rest = self._redis.run([*self._ended.take(), call])[-1]
        left = list(zip(rest[::2], rest[1::2], strict=True))
        return Answer(said.policies[refused - 1] if refused else None, wait, left)

    def advance(self, entry: Entry, amount: int) -> None:
        self._redis.run([_charge(entry, amount, PLACE_SECONDS * 1000)])

    def leave(self, entry: Entry, amount: int) -> None:
        self._ended.add(_charge(entry, amount, 0))

    def _send(self, calls: list[Call]) -> None:
        try:
            self._redis.run(calls)
        except RedisError as error:
            # Places end by themselves, and what comes meanwhile the process counts.
            _log.warning("ends_not_counted", count=len(calls), cause=type(error).__name__)


class _Said(NamedTuple):
    """What is the same each time that a caller's limits are asked, as Redis is told it."""

    policies: list[str]
    keys: list[str]
    windows: int
    asked: list[int]
    charged_keys: list[str]
    charged: int
    buckets: list[int]


@lru_cache(maxsize=CALLERS)
def _said(limits: Limits) -> _Said:
    windows, places, charged = limits.windows, limits.places, limits.charged
    asked = [PLACE_SECONDS * 1000]
    for window in windows:
        asked += [window.most, window.bucket_ms, window.cost, window.needs]
    return _Said(
        policies=[one.policy for one in windows] + [one.policy for one in places],
        keys=_keys(windows, places),
        windows=len(windows),
        asked=asked + [one.most for one in places],
        charged_keys=_keys(charged, places),
        charged=len(charged),
        buckets=[window.bucket_ms for window in charged],
    )


def _charge(entry: Entry, amount: int, life_ms: int) -> Call:
    said = _said(entry.limits)
    arguments: list[str | int] = [said.charged, entry.token, life_ms, amount, *said.buckets]
    return Call(_CHARGE, said.charged_keys, arguments)


def _keys(windows: Sequence[Window], places: Sequence[Places]) -> list[str]:
    spent = [f"uploads:window:{one.policy}:{one.key}" for one in windows]
    return spent + [f"uploads:places:{one.policy}:{one.key}" for one in places]
