"""Scripts in a real Redis: known, unknown, failing, and with the connection gone between."""

from __future__ import annotations

import pytest
from redis import Redis, RedisError

from uploads.security.scripts import Call, Script, Scripts

ADD = Script("return redis.call('INCRBY', KEYS[1], ARGV[1])")
FAIL = Script("return redis.call('LPUSH', KEYS[1], 'x')")


@pytest.fixture
def scripts(redis_url: str) -> Scripts:
    with Redis.from_url(redis_url) as redis:
        redis.flushall()
        redis.script_flush()
    return Scripts(redis_url, 5.0)


def test_several_run_in_their_order(scripts: Scripts) -> None:
    assert scripts.run([Call(ADD, ["a"], [1]), Call(ADD, ["a"], [2])]) == [1, 3]


def test_a_redis_that_forgot_a_script_is_told_again(scripts: Scripts, redis_url: str) -> None:
    assert scripts.run([Call(ADD, ["a"], [1])]) == [1]
    with Redis.from_url(redis_url) as redis:
        redis.script_flush()
    assert scripts.run([Call(ADD, ["a"], [1]), Call(ADD, ["b"], [5])]) == [2, 5]


def test_one_that_fails_raises_and_leaves_the_connection_whole(scripts: Scripts) -> None:
    scripts.run([Call(ADD, ["a"], [1])])
    with pytest.raises(RedisError, match="WRONGTYPE"):
        scripts.run([Call(FAIL, ["a"], []), Call(ADD, ["a"], [1])])
    assert scripts.run([Call(ADD, ["a"], [1])]) == [3]


def test_a_connection_that_redis_ended_is_replaced(scripts: Scripts, redis_url: str) -> None:
    assert scripts.run([Call(ADD, ["a"], [1])]) == [1]
    with Redis.from_url(redis_url) as redis:
        redis.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    assert scripts.run([Call(ADD, ["a"], [1])]) == [2]


def test_a_redis_that_is_away_is_said() -> None:
    with pytest.raises(RedisError):
        Scripts("redis://127.0.0.1:1", 1.0).run([Call(ADD, ["a"], [1])])
