"""The stack on one machine: which programs, with which arguments, in which order.

Knows the programs and how they are asked whether they are ready; how they are kept running is
the supervisor's. A part whose address was given from outside is not started.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import uploads
from uploads.config import Settings
from uploads.queue import JOB_QUEUE, UPKEEP_QUEUE, WEBHOOK_QUEUE
from uploads.storage.protocol import Bucket
from workers.embedded.part import Errand, Part, Step
from workers.embedded.preflight import find_rclone, find_redis
from workers.embedded.probes import http_status, redis_answers
from workers.embedded.stack_env import socket_path
from workers.signs import COURIER_READY_FILE, READY_FILE

# The order of the stop. Patience of all but the courier, which is told with the first, adds up to
# little more than the minute that is promised; the supervisor holds the sum to it.
STOP_ORDER = ("gunicorn", "schedule", "worker", "courier", "redis", "s3")

_PYTHON = sys.executable
_QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat", "-O", "fair")
_GUNICORN_CONF = Path(uploads.__file__).with_name("gunicorn.conf.py")


def steps(
    settings: Settings, *, own_redis: bool, own_s3: bool, env: Mapping[str, str]
) -> list[Step]:
    """Everything that is started, in order. Raises StackError when a program is missing."""
    parts: list[Step] = []
    if own_redis:
        parts.append(_redis(settings.data, env))
    if own_s3:
        parts.append(_s3(settings, env))
    ours = [_worker(settings), _courier(settings), _schedule(settings), _gunicorn(settings)]
    return [*parts, _prepare(), *ours]


def _foreign(env: Mapping[str, str], **more: str) -> dict[str, str]:
    """The environment of a program that is not ours: none of our settings, none of its own."""
    kept = {"PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "UPLOADS_STACK"}
    return {**{name: value for name, value in env.items() if name in kept}, **more}


def _redis(data: Path, env: Mapping[str, str]) -> Part:
    socket, log = socket_path(data), data / "run" / "redis.log"
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(data / "redis"),
        "appendonly": "yes",
        "save": "",
        "maxmemory-policy": "noeviction",
        "loglevel": "warning",
        "logfile": str(log),
        "daemonize": "no",
    }
    return Part(
        "redis",
        [find_redis(), *(word for name, value in options.items() for word in (f"--{name}", value))],
        env=_foreign(env),
        before=lambda: socket.unlink(missing_ok=True),
        ready=lambda: redis_answers(socket),
        log=log,
        patience=5,
    )


def _s3(settings: Settings, env: Mapping[str, str]) -> Part:
    root, address = settings.data / "s3", urlsplit(settings.s3_endpoint)
    port = address.port or 80
    secret = settings.s3_secret_key.get_secret_value()
    flags = {
        "addr": f"127.0.0.1:{port}",
        "config": "",
        "cache-dir": str(settings.data / "run" / "rclone"),
        "etag-hash": "none",
        "vfs-cache-mode": "off",
        # Or it reads 16 MiB ahead for each answer, whether or not it is taken: 200 clients who do
        # not read were 3.2 GiB. The kernel reads ahead as well, for all of them together.
        "buffer-size": "0",
        # Or it looks through a whole folder, under its lock, for each name that is not there:
        # 1.5 ms of CPU a file among 13,000. Our keys are ASCII.
        "no-unicode-normalization": "true",
        # It calls each folder that still holds other objects an error; what really fails comes to
        # us as an answer, and is logged there.
        "log-level": "CRITICAL",
    }
    return Part(
        "s3",
        [
            *(find_rclone(), "serve", "s3", str(root), "--ignore-checksum"),
            *(f"--{name}={value}" for name, value in flags.items()),
        ],
        # The keys go by the environment: arguments can be read by every user of the machine.
        env=_foreign(env, RCLONE_AUTH_KEY=f'"{settings.s3_access_key},{secret}"'),
        before=lambda: _tidy_buckets(root, settings.s3_bucket_prefix),
        ready=lambda: http_status(port, "/", f"127.0.0.1:{port}") is not None,
        patience=4,
        # Its many threads sleep and wake up to twenty times a file, and each time one would drive
        # a web process, which the file then waits for, off its processor and out of its cache.
        takes_turns=True,
    )


def _tidy_buckets(root: Path, prefix: str) -> None:
    """Make the buckets, and drop what a killed server had only half written."""
    for bucket in Bucket:
        (root / f"{prefix}{bucket.value}").mkdir(mode=0o700, exist_ok=True)
    for half in root.rglob(".rclone_temp_*"):
        half.unlink(missing_ok=True)


def _prepare() -> Errand:
    return Errand("prepare", [_PYTHON, "-m", "workers.embedded.prepare"])


def _celery(app: str, *words: str) -> Sequence[str]:
    return [_PYTHON, "-m", "celery", "--quiet", "--app", app, *words]


def _worker(settings: Settings) -> Part:
    sign = settings.data / "run" / READY_FILE
    queues = ("--queues", f"{JOB_QUEUE},{UPKEEP_QUEUE}")
    return Part(
        "worker",
        _celery("workers.app", "worker", "--pool", "prefork", *_QUIET, *queues),
        before=lambda: sign.unlink(missing_ok=True),
        ready=sign.exists,
        ready_seconds=90,
        patience=15,
    )


def _courier(settings: Settings) -> Part:
    """Its threads only wait for receivers; what a kill interrupts is done again."""
    pool = ("--pool", "threads", "--concurrency", str(settings.webhook_workers))
    sign = settings.data / "run" / COURIER_READY_FILE
    return Part(
        "courier",
        _celery("workers.courier.app", "worker", *pool, *_QUIET, "--queues", WEBHOOK_QUEUE),
        before=lambda: sign.unlink(missing_ok=True),
        ready=sign.exists,
        ready_seconds=90,
        patience=20,
        told_first=True,
    )


def _schedule(settings: Settings) -> Part:
    last_runs = settings.data / "run" / "beat"
    return Part(
        "schedule", _celery("workers.beat", "beat", "--schedule", str(last_runs)), patience=6
    )


def _gunicorn(settings: Settings) -> Part:
    host = urlsplit(settings.public_url).netloc
    return Part(
        "gunicorn",
        [_PYTHON, "-m", "gunicorn", "--config", str(_GUNICORN_CONF)],
        # Any answer will do: without a virus scanner production starts too, and never says 200.
        ready=lambda: http_status(settings.port, "/readyz", host) is not None,
        ready_seconds=60,
        patience=31,
    )


def child_env(data: Path, port: int, mark: Mapping[str, str]) -> dict[str, str]:
    """The environment of our own programs: this one's, with data and port as they were chosen."""
    return {
        **os.environ,
        **mark,
        "UPLOADS_DATA": str(data),
        "UPLOADS_PORT": str(port),
        # Threads that each keep an arena of their own are what makes a Python server grow.
        "MALLOC_ARENA_MAX": "2",
    }
