"""Hints of a web process: gathered, and sent by a thread of its own in one command.

An upload waits neither for the broker nor for what making a message costs in Celery. A hint only
wakes a worker a little earlier than the sweeper would; its loss is logged and harmless.
"""

from __future__ import annotations

import base64
import json
import threading
import time
import uuid
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from redis import Redis
from redis.exceptions import RedisError

from uploads.queue import HINT_SECONDS, JOB_QUEUE, JOB_TASK, SWEEP_TASK, UPKEEP_QUEUE

_MOST = 10_000
_AT_ONCE = 100
_SECONDS = 1.0
_GATHER_SECONDS = 0.01
_log = structlog.get_logger(__name__)


class GatheredHints:
    """`Hints` over Redis lists, as Celery's workers read them. The thread starts when needed."""

    def __init__(self, redis_url: str) -> None:
        self._redis = Redis.from_url(
            redis_url, socket_connect_timeout=_SECONDS, socket_timeout=_SECONDS
        )
        self._waiting: deque[tuple[str, bytes]] = deque(maxlen=_MOST)
        self._some = threading.Event()
        self._sender: threading.Thread | None = None

    def job(self, job_id: str) -> None:
        self._add(JOB_QUEUE, JOB_TASK, job_id)

    def sweep(self) -> None:
        self._add(UPKEEP_QUEUE, SWEEP_TASK)

    def _add(self, queue: str, task: str, *args: str) -> None:
        self._waiting.append((queue, message(queue, task, *args)))
        if self._sender is None:
            self._sender = threading.Thread(target=self._send_all, name="hints", daemon=True)
            self._sender.start()
        self._some.set()

    def _send_all(self) -> None:
        while True:
            self._some.wait()
            self._some.clear()
            time.sleep(_GATHER_SECONDS)
            while self._waiting:
                self._send([self._waiting.popleft() for _ in range(self._next_size())])

    def _next_size(self) -> int:
        return min(len(self._waiting), _AT_ONCE)

    def _send(self, batch: list[tuple[str, bytes]]) -> None:
        try:
            for queue in {queue for queue, _ in batch}:
                self._redis.lpush(queue, *(text for name, text in batch if name == queue))
        except (RedisError, OSError) as error:
            _log.warning("hints_not_sent", count=len(batch), cause=type(error).__name__)


def message(queue: str, task: str, *args: str) -> bytes:
    """One task as a worker takes it from a Redis list.

    Celery's message protocol 2 (docs.celeryq.dev, "Message Protocol") in the envelope of kombu's
    virtual transports. A test holds it against what Celery itself sends.
    """
    task_id = str(uuid.uuid4())
    embedded = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    body = json.dumps([args, {}, embedded]).encode()
    envelope = {
        "body": base64.b64encode(body).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": _headers(task, task_id, args),
        "properties": {
            "correlation_id": task_id,
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": queue},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": task_id,
        },
    }
    return json.dumps(envelope).encode()


def _headers(task: str, task_id: str, args: tuple[str, ...]) -> dict[str, Any]:
    expires = datetime.now(UTC) + timedelta(seconds=HINT_SECONDS)
    return {
        "lang": "py",
        "task": task,
        "id": task_id,
        "root_id": task_id,
        "parent_id": None,
        "shadow": None,
        "eta": None,
        "expires": expires.isoformat(),
        "group": None,
        "group_index": None,
        "retries": 0,
        "timelimit": [None, None],
        "argsrepr": repr(args),
        "kwargsrepr": "{}",
        "origin": "uploads",
        "ignore_result": True,
        "replaced_task_nesting": 0,
        "stamped_headers": None,
        "stamps": {},
    }
