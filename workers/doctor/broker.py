"""Redis: there, never dropping what it was given, and open to this user as far as needed.

It holds hints, counts of limits and findings, no truth: without it the service goes on, slower.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import uuid4

from redis import Redis
from redis.exceptions import NoPermissionError, RedisError, ResponseError

from uploads.queue import JOB_QUEUE, UPKEEP_QUEUE, WEBHOOK_QUEUE
from workers.doctor.checkup import Look
from workers.doctor.findings import Finding, State

PART = "redis"
_SECONDS = 20.0
_ANSWER_SECONDS = 3.0
_FULL = 0.9
_NO_HINTS = "hints and shared limits fail; the sweeper finds jobs, each process counts for itself"
# One command of each kind that Celery, the limits and the findings use; the key's name follows.
_NEEDED: dict[str, Callable[[Any, str], object]] = {
    "SET": lambda redis, key: redis.set(key, "1", ex=60),
    "GET": lambda redis, key: redis.get(key),
    "TTL": lambda redis, key: redis.ttl(key),
    "INCRBY": lambda redis, key: redis.incrby(key, 1),
    "EXPIRE": lambda redis, key: redis.expire(key, 60),
    "EVAL": lambda redis, key: redis.eval("return redis.call('GET', KEYS[1])", 1, key),
    "SCRIPT LOAD": lambda redis, _: redis.script_load("return 1"),
    "MULTI": lambda redis, key: redis.pipeline(transaction=True).get(key).execute(),
    "LPUSH": lambda redis, key: redis.lpush(key + "l", "1"),
    "BRPOP": lambda redis, key: redis.brpop([key + "l"], 1),
    "SADD": lambda redis, key: redis.sadd(key + "s", "1"),
    "SMEMBERS": lambda redis, key: redis.smembers(key + "s"),
    "HSET": lambda redis, key: redis.hset(key + "h", "1", "1"),
    "HDEL": lambda redis, key: redis.hdel(key + "h", "1"),
    "ZADD": lambda redis, key: redis.zadd(key + "z", {"1": 1}),
    "ZREM": lambda redis, key: redis.zrem(key + "z", "1"),
    "PUBLISH": lambda redis, key: redis.publish(key, "1"),
    "SUBSCRIBE": lambda redis, key: _subscribe(redis, key),
    "DEL": lambda redis, key: redis.delete(key),
}


def looks(redis_url: str) -> list[Look]:
    tries: dict[str, Callable[[Redis], Finding]] = {
        "reach": _reach,
        "policy": _policy,
        "memory": _memory,
        "rights": _rights,
        "queues": _queues,
    }
    return [_look(redis_url, name, do) for name, do in tries.items()]


def _look(redis_url: str, name: str, do: Callable[[Redis], Finding]) -> Look:
    def tried() -> Finding:
        seconds = _ANSWER_SECONDS
        with Redis.from_url(
            redis_url, socket_connect_timeout=seconds, socket_timeout=seconds
        ) as redis:
            return do(redis)

    return Look(PART, name, tried, _SECONDS)


def _reach(redis: Redis) -> Finding:
    redis.ping()
    found = _info(redis, "server")
    version = found.get("valkey_version") or found.get("redis_version", "of no version")
    return Finding(PART, "reach", State.OK, f"answers, {version}")


def _policy(redis: Redis) -> Finding:
    policy = str(_info(redis, "memory").get("maxmemory_policy", "not told"))
    if policy == "noeviction":
        return Finding(PART, "policy", State.OK, policy)
    follows = "hints and counts may vanish: set maxmemory-policy noeviction"
    return Finding(PART, "policy", State.DEGRADED, policy, follows)


def _memory(redis: Redis) -> Finding:
    found = _info(redis, "memory")
    used, most = int(found.get("used_memory", 0)), int(found.get("maxmemory", 0))
    told = f"{used:,} of {most:,} bytes" if most else f"{used:,} bytes, without a bound"
    if most and used > _FULL * most:
        follows = "it soon takes nothing more: raise maxmemory"
        return Finding(PART, "memory", State.DEGRADED, told, follows)
    return Finding(PART, "memory", State.OK, told)


def _rights(redis: Redis) -> Finding:
    """What the service needs, by real commands on keys of our own; and what it has no need of."""
    key, refused = f"uploads:doctor:{uuid4().hex}", []
    try:
        for name, command in _NEEDED.items():
            try:
                command(redis, key)
            except NoPermissionError:
                refused.append(name)
    finally:
        with suppress(RedisError):
            redis.delete(key, *(key + end for end in "lshz"))
    if refused:
        found = "may not " + ", ".join(refused)
        return Finding(PART, "rights", State.BROKEN, found, _NO_HINTS)
    if redis.get_connection_kwargs().get("path") is None and _may_configure(redis):
        found = "may do everything, reconfigure the server included"
        follows = (
            "whoever has this process has that: give it a user with +@all -@admin -@dangerous +info"
        )
        return Finding(PART, "rights", State.GAP, found, follows)
    return Finding(PART, "rights", State.OK, "may do what it needs")


def _queues(redis: Redis) -> Finding:
    lengths = {name: redis.llen(name) for name in (JOB_QUEUE, UPKEEP_QUEUE, WEBHOOK_QUEUE)}
    told = ", ".join(f"{name} {length}" for name, length in lengths.items())
    return Finding(PART, "queues", State.OK, told)


def _info(redis: Redis, section: str) -> dict[str, Any]:
    """What INFO says; nothing where this user may not ask."""
    try:
        found: dict[str, Any] = redis.info(section)  # type: ignore[assignment]
    except NoPermissionError:
        return {}
    return found


def _may_configure(redis: Redis) -> bool:
    try:
        redis.config_get("maxmemory-policy")
    except (NoPermissionError, ResponseError):
        return False
    return True


def _subscribe(redis: Redis, channel: str) -> None:
    with redis.pubsub() as listener:  # type: ignore[no-untyped-call]
        listener.subscribe(channel)
        listener.get_message(timeout=1)
