"""Scripts and pushes in a real Redis: known, unknown, failing, with a connection gone between."""

from __future__ import annotations

import gc

import pytest
from redis import Redis, RedisError

from tests.support.waiting import eventually
from uploads.roundtrips import Call, Push, RoundTrips, Script

ADD = Script("return redis.call('INCRBY', KEYS[1], ARGV[1])")
FAIL = Script("return redis.call('LPUSH', KEYS[1], 'x')")


@pytest.fixture
def trips(redis_url: str) -> RoundTrips:
    with Redis.from_url(redis_url) as redis:
        redis.flushall()
        redis.script_flush()
    return RoundTrips(redis_url, 5.0)


def test_several_run_in_their_order(trips: RoundTrips) -> None:
    assert trips.run([Call(ADD, ["a"], [1]), Call(ADD, ["a"], [2])]) == [1, 3]


def test_a_redis_that_forgot_a_script_is_told_again(trips: RoundTrips, redis_url: str) -> None:
    assert trips.run([Call(ADD, ["a"], [1])]) == [1]
    with Redis.from_url(redis_url) as redis:
        redis.script_flush()
    assert trips.run([Call(ADD, ["a"], [1]), Call(ADD, ["b"], [5])]) == [2, 5]


def test_a_push_goes_between_them(trips: RoundTrips, redis_url: str) -> None:
    assert trips.run([Call(ADD, ["a"], [1]), Push("l", [b"x", b"y"]), Call(ADD, ["a"], [1])]) == [
        1,
        2,
        2,
    ]
    with Redis.from_url(redis_url) as redis:
        assert redis.lrange("l", 0, -1) == [b"y", b"x"]


def test_one_that_fails_raises_and_leaves_the_connection_whole(trips: RoundTrips) -> None:
    trips.run([Call(ADD, ["a"], [1])])
    with pytest.raises(RedisError, match="WRONGTYPE"):
        trips.run([Call(FAIL, ["a"], []), Call(ADD, ["a"], [1])])
    assert trips.run([Call(ADD, ["a"], [1])]) == [3]


def test_a_connection_that_redis_ended_is_replaced(trips: RoundTrips, redis_url: str) -> None:
    assert trips.run([Call(ADD, ["a"], [1])]) == [1]
    with Redis.from_url(redis_url) as redis:
        redis.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    assert trips.run([Call(ADD, ["a"], [1])]) == [2]


def test_an_answer_that_comes_too_late_is_nobody_elses(redis_url: str) -> None:
    trips = RoundTrips(redis_url, 0.2)
    with Redis.from_url(redis_url) as redis:
        redis.flushall()
        trips.run([Call(ADD, ["a"], [1])])
        redis.client_pause(60_000, all=False)
        with pytest.raises(RedisError):
            trips.run([Call(ADD, ["a"], [41])])
        redis.client_unpause()
    assert trips.run([Call(ADD, ["b"], [7])]) == [7]


def test_the_third_protocol_is_not_spoken(redis_url: str) -> None:
    trips = RoundTrips(redis_url + "?protocol=3", 5.0)
    assert trips.run(
        [Call(Script("redis.setresp(3); return redis.call('HGETALL', KEYS[1])"), ["none"], [])]
    ) == [[]]


def test_nothing_stays_open_behind_it(redis_url: str) -> None:
    with Redis.from_url(redis_url) as redis:
        trips = RoundTrips(redis_url, 5.0)
        trips.run([Call(ADD, ["a"], [1])])
        before = len(redis.client_list())
        ring = [trips]
        ring.append(ring)  # type: ignore[arg-type]
        del ring, trips
        gc.collect()
        eventually(lambda: len(redis.client_list()) == before - 1, 30)


def test_a_redis_that_is_away_is_said() -> None:
    with pytest.raises(RedisError):
        RoundTrips("redis://127.0.0.1:1", 1.0).run([Call(ADD, ["a"], [1])])
