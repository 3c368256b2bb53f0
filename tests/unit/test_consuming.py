"""How workers take hints: what goes wrong between them and Redis makes none of them deaf."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis

from uploads.queue import JOB_QUEUE, JOB_TASK, make_celery
from workers.consuming import consume

SECONDS = 60
KEPT_ALIVE = {socket.TCP_KEEPIDLE: 10, socket.TCP_KEEPINTVL: 5, socket.TCP_KEEPCNT: 3}


@pytest.mark.parametrize("end", [lambda one: one.ack(), lambda one: one.reject()])
def test_a_hint_whose_end_redis_did_not_hear_of_takes_up_no_place(
    redis_url: str, end: Callable[[Any], None]
) -> None:
    """A worker that has places for one hint gets the next one all the same."""
    app = consume(make_celery(redis_url))
    with Redis.from_url(redis_url) as redis, app.connection_for_read() as connection:
        redis.flushall()
        for name in ("first", "second"):
            app.send_task(JOB_TASK, args=[name])
        heard: list[Any] = []
        queue = app.amqp.queues[JOB_QUEUE]
        with connection.Consumer([queue], callbacks=[lambda _, one: heard.append(one)]) as consumer:
            consumer.qos(prefetch_count=1)
            connection.drain_events(timeout=SECONDS)
            # Any answer but the one that it waits for.
            redis.set("unacked_index", "not what it was")
            end(heard[0])
            redis.delete("unacked_index")
            connection.drain_events(timeout=SECONDS)
            assert [one.payload[0] for one in heard] == [["first"], ["second"]]
            heard[1].ack()


def test_a_redis_that_is_full_ends_no_worker(redis_url: str) -> None:
    """It cannot keep what a worker has taken; that is taken all the same, and its place is free."""
    app = consume(make_celery(redis_url))
    with Redis.from_url(redis_url) as redis, app.connection_for_read() as connection:
        redis.flushall()
        for name in ("first", "second"):
            app.send_task(JOB_TASK, args=[name])
        heard: list[Any] = []
        queue = app.amqp.queues[JOB_QUEUE]
        with connection.Consumer([queue], callbacks=[lambda _, one: heard.append(one)]) as consumer:
            consumer.qos(prefetch_count=1)
            redis.config_set("maxmemory", 1)
            try:
                connection.drain_events(timeout=SECONDS)
                heard[0].ack()
                connection.drain_events(timeout=SECONDS)
            finally:
                redis.config_set("maxmemory", 0)
            assert [one.payload[0] for one in heard] == [["first"], ["second"]]
            heard[1].ack()


def test_whoever_waits_for_redis_notices_that_its_host_is_gone() -> None:
    """The kernel asks after it while nothing is said, on each connection of a worker."""
    app = consume(make_celery("redis://127.0.0.1:1/0"))
    with app.connection_for_read() as connection:
        options = connection.transport_options
    assert options["socket_keepalive"] is True
    assert options["socket_keepalive_options"] == KEPT_ALIVE
    assert options["socket_timeout"] == 1.0
