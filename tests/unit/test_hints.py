"""Hints of a web process: what a worker of Celery's takes for its own, and never waited for."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from kombu import Connection
from kombu.entity import Queue
from redis import Redis
from redis.exceptions import ConnectionError as RedisAway

from tests.support.waiting import eventually
from uploads import hints
from uploads.hints import GatheredHints, message
from uploads.queue import (
    JOB_QUEUE,
    JOB_TASK,
    WEBHOOK_QUEUE,
    CeleryHints,
    make_celery,
    waiting,
)
from uploads.roundtrips import Push


def received(connection: Connection) -> Any:
    """The next message, as a worker's consumer gets it."""
    found = connection.SimpleQueue(Queue(JOB_QUEUE)).get(block=False)
    found.ack()
    return found


def test_a_message_is_what_celery_itself_sends() -> None:
    """The same members with the same meaning: only ids, times and the sender's name differ."""
    app = make_celery("memory://")
    with app.connection_for_write() as connection:
        channel: Any = connection.default_channel
        received_none = Queue(JOB_QUEUE).bind(channel)
        received_none.declare()
        CeleryHints(app).job("job-1")
        theirs = received(connection)
        channel._put(JOB_QUEUE, json.loads(message(JOB_QUEUE, JOB_TASK, "job-2")))
        ours = received(connection)
    own = {"id", "root_id", "expires", "origin", "argsrepr"}
    assert ours.headers.keys() == theirs.headers.keys()
    for name in theirs.headers.keys() - own:
        assert ours.headers[name] == theirs.headers[name], name
    assert theirs.payload == [["job-1"], {}, theirs.payload[2]]
    assert ours.payload == [["job-2"], {}, theirs.payload[2]]
    assert (ours.content_type, ours.content_encoding) == ("application/json", "utf-8")


class Broker:
    """Redis as far as hints go; `away` makes it fail."""

    def __init__(self) -> None:
        self.lists: dict[str, list[bytes]] = {}
        self.away = False
        self.failed = threading.Event()
        self.hangs = threading.Event()
        self.hangs.set()

    def run(self, pushes: Sequence[Push]) -> None:
        assert self.hangs.wait(60)
        if self.away:
            self.failed.set()
            raise RedisAway
        for push in pushes:
            self.lists.setdefault(push.name, []).extend(push.texts)


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    made = Broker()
    monkeypatch.setattr(hints, "RoundTrips", lambda *_: made)
    return made


def test_hints_that_gather_go_in_one_command_and_in_order(broker: Broker) -> None:
    gathered = GatheredHints("unix:///nowhere")
    broker.hangs.clear()
    for number in range(150):
        gathered.job(f"job-{number}")
    gathered.sweep()
    broker.hangs.set()
    eventually(
        lambda: len(broker.lists.get("uploads", [])) == 150 and broker.lists.get("upkeep"), 60
    )
    order = [json.loads(text)["headers"]["argsrepr"] for text in broker.lists["uploads"]]
    assert order == [repr((f"job-{number}",)) for number in range(150)]


def test_a_broker_that_is_away_loses_hints_and_nothing_else(broker: Broker) -> None:
    gathered = GatheredHints("unix:///nowhere")
    broker.away = True
    gathered.job("job-1")
    assert broker.failed.wait(60)
    broker.away = False
    gathered.job("job-2")
    eventually(lambda: len(broker.lists.get("uploads", [])) == 1, 60)


def test_what_nobody_has_taken_yet_is_counted(redis_url: str) -> None:
    """Hints of workers and of web processes alike, none in a Redis that has no list, or is away."""
    with Redis.from_url(redis_url) as redis:
        redis.flushall()
    assert waiting(redis_url, JOB_QUEUE) == 0
    CeleryHints(make_celery(redis_url)).job("job_1")
    assert waiting(redis_url, JOB_QUEUE) == 1
    GatheredHints(redis_url).job("job_2")
    eventually(lambda: waiting(redis_url, JOB_QUEUE) == 2, 60)
    assert waiting(redis_url, WEBHOOK_QUEUE) == 0
    assert waiting("unix:///nowhere/redis.sock", JOB_QUEUE) == 0
