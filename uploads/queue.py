"""The Celery producer: sends an id after the commit, best effort.

A hint only wakes a worker a little earlier than the sweeper would. It is never waited for longer
than a blink, and its loss is logged and harmless.
"""

from __future__ import annotations

import structlog
from celery import Celery
from kombu.entity import Queue
from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import RedisError

_log = structlog.get_logger(__name__)

JOB_TASK = "uploads.job"
SWEEP_TASK = "uploads.sweep"
DELIVER_TASK = "uploads.deliver"
JOB_QUEUE = "uploads"
UPKEEP_QUEUE = "upkeep"
WEBHOOK_QUEUE = "webhooks"
HINT_SECONDS = 60  # an older hint was overtaken by the sweeper's; dropping it is cheap


def broker_url(redis_url: str) -> str:
    """The same Redis in kombu's notation: unix:///p → redis+socket:///p."""
    if redis_url.startswith("unix://"):
        return "redis+socket://" + redis_url.removeprefix("unix://")
    return redis_url


def make_celery(redis_url: str) -> Celery:
    """A Celery app with the settings that producer and worker must agree on.

    JSON only, no result backend, one message at a time, and every connection attempt bounded.
    """
    app = Celery("uploads", broker=broker_url(redis_url), set_as_current=False)
    app.conf.update(
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        result_backend=None,
        result_expires=None,  # or the clock would send for results to be tidied
        # Signals and the database say what workers are to do: nobody speaks to them by Redis, and
        # at rest each would have asked it for that.
        worker_enable_remote_control=False,
        # Upkeep has a queue of its own, so that a long backlog of jobs does not starve the sweep;
        # webhooks have one, because who is called may be slow, and a worker of their own.
        task_default_queue=JOB_QUEUE,
        task_queues=[Queue(JOB_QUEUE), Queue(UPKEEP_QUEUE), Queue(WEBHOOK_QUEUE)],
        task_routes={
            JOB_TASK: {"queue": JOB_QUEUE},
            DELIVER_TASK: {"queue": WEBHOOK_QUEUE},
            "uploads.*": {"queue": UPKEEP_QUEUE},
        },
        broker_connection_timeout=1.0,
        broker_transport_options={
            "socket_connect_timeout": 1.0,
            # Ends a hint to a Redis that hangs. A worker's long poll is not bound by it: kombu
            # waits for that answer in the event loop, and reads only what has come.
            "socket_timeout": 1.0,
            "visibility_timeout": 3600,
            "max_retries": 0,
        },
        task_publish_retry=False,
    )
    return app


def waiting(redis_url: str, queue: str) -> int:
    """How many hints in a queue no worker has taken yet; 0 where nobody can tell."""
    try:
        with Redis.from_url(redis_url, socket_connect_timeout=1, socket_timeout=1) as redis:
            return int(redis.llen(queue))
    except RedisError as error:
        _log.warning("hints_not_counted", cause=type(error).__name__)
        return 0


class CeleryHints:
    """`Hints` over Celery; every failure to send is a warning in the log and nothing else."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def job(self, job_id: str) -> None:
        self._send(JOB_TASK, job_id)

    def sweep(self) -> None:
        self._send(SWEEP_TASK)

    def deliver(self, webhook_id: str) -> None:
        self._send(DELIVER_TASK, webhook_id)

    def _send(self, task: str, *args: str) -> None:
        try:
            self._app.send_task(
                task, args=args, retry=False, ignore_result=True, expires=HINT_SECONDS
            )
        except (OperationalError, OSError) as error:
            _log.warning("hint_not_sent", task=task, cause=type(error).__name__)
