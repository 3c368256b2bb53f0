"""Hints of a web process: gathered, and sent by a thread of its own in one command.

An upload waits neither for the broker nor for what making a message costs in Celery. A hint only
wakes a worker a little earlier than the sweeper would; its loss is logged and harmless.
"""

from __future__ import annotations

import base64
import json
import os
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import structlog
from redis.exceptions import RedisError

from uploads.gathering import Gathering
from uploads.queue import (
    DELIVER_TASK,
    HINT_SECONDS,
    JOB_QUEUE,
    JOB_TASK,
    SWEEP_TASK,
    UPKEEP_QUEUE,
    WEBHOOK_QUEUE,
)
from uploads.roundtrips import Push, RoundTrips

_MOST = 10_000
_AT_ONCE = 100
_SECONDS = 1.0
_GATHER_SECONDS = 0.01
_log = structlog.get_logger(__name__)


class GatheredHints:
    """`Hints` over Redis lists, as Celery's workers read them."""

    def __init__(self, redis_url: str) -> None:
        self._redis = RoundTrips(redis_url, _SECONDS)
        self._waiting: Gathering[tuple[str, bytes]] = Gathering(
            "hints", self._send, seconds=_GATHER_SECONDS, together=_AT_ONCE, most=_MOST
        )

    def job(self, job_id: str) -> None:
        self._waiting.add((JOB_QUEUE, message(JOB_QUEUE, JOB_TASK, job_id)))

    def sweep(self) -> None:
        self._waiting.add((UPKEEP_QUEUE, message(UPKEEP_QUEUE, SWEEP_TASK)))

    def deliver(self, webhook_id: str) -> None:
        self._waiting.add((WEBHOOK_QUEUE, message(WEBHOOK_QUEUE, DELIVER_TASK, webhook_id)))

    def _send(self, batch: list[tuple[str, bytes]]) -> None:
        queues = {queue for queue, _ in batch}
        pushes = [Push(name, [text for queue, text in batch if queue == name]) for name in queues]
        try:
            self._redis.run(pushes)
        except (RedisError, OSError) as error:
            _log.warning("hints_not_sent", count=len(batch), cause=type(error).__name__)


def message(queue: str, task: str, *args: str) -> bytes:
    """One task as a worker takes it from a Redis list.

    Celery's message protocol 2 (docs.celeryq.dev, "Message Protocol") in the envelope of kombu's
    virtual transports. A test holds it against what Celery itself sends.
    """
    given = f"[[{', '.join(map(_quoted, args))}], {{}}, {_EMBEDDED}]"
    expires = datetime.now(UTC) + timedelta(seconds=HINT_SECONDS)
    filled = (
        _letter(queue, task)
        .replace("@body@", base64.b64encode(given.encode()).decode())
        .replace("@id@", os.urandom(16).hex())
        .replace("@expires@", expires.isoformat())
        .replace("@arguments@", _quoted(repr(args))[1:-1])
    )
    return filled.encode()


# A text as JSON: of an encoder of its own `json.dumps` makes one for each.
_quoted = json.encoder.encode_basestring_ascii
_EMBEDDED = json.dumps({"callbacks": None, "errbacks": None, "chain": None, "chord": None})


@lru_cache
def _letter(queue: str, task: str) -> str:
    """A message as JSON, with words in the places of what differs each time."""
    return json.dumps(
        {
            "body": "@body@",
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": _headers(task),
            "properties": {
                "correlation_id": "@id@",
                "delivery_mode": 2,
                "delivery_info": {"exchange": "", "routing_key": queue},
                "priority": 0,
                "body_encoding": "base64",
                "delivery_tag": "@id@",
            },
        }
    )


def _headers(task: str) -> dict[str, Any]:
    return {
        "lang": "py",
        "task": task,
        "id": "@id@",
        "root_id": "@id@",
        "parent_id": None,
        "shadow": None,
        "eta": None,
        "expires": "@expires@",
        "group": None,
        "group_index": None,
        "retries": 0,
        "timelimit": [None, None],
        "argsrepr": "@arguments@",
        "kwargsrepr": "{}",
        "origin": "uploads",
        "ignore_result": True,
        "replaced_task_nesting": 0,
        "stamped_headers": None,
        "stamps": {},
    }
