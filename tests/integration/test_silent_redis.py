"""A Redis that takes connections and says nothing: a worker that is told to stop ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from redis import Redis, RedisError

from tests.support.compose import ROOT
from tests.support.ports import free_port
from tests.support.processes import standing_still
from tests.support.waiting import eventually
from uploads.records import migrate
from workers.embedded.preflight import find_redis
from workers.signs import COURIER_READY_FILE, READY_FILE

pytestmark = pytest.mark.one_database
SECONDS = 60
COURIER = ("workers.courier.app", "worker", "--pool", "threads", "--queues", "webhooks")
WORKER = ("workers.app", "worker", "--pool", "prefork", "--queues", "uploads,upkeep")


@pytest.mark.parametrize(("words", "sign"), [(COURIER, COURIER_READY_FILE), (WORKER, READY_FILE)])
def test_a_stop_does_not_wait_for_redis(tmp_path: Path, words: list[str], sign: str) -> None:
    """By itself, before whoever asked for it loses patience and kills (`workers/embedded/stack`).

    It has been trying to reach Redis anew by then, which is where it would stay.
    """
    with _redis(tmp_path) as (port, redis), _started(tmp_path, port, words) as worker:
        eventually((tmp_path / "run" / sign).exists, SECONDS)
        eventually(lambda: len(_ports(worker, port)) > 1, SECONDS)
        before = _ports(worker, port)
        with standing_still([redis]):
            eventually(lambda: _ports(worker, port) - before, SECONDS)
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(SECONDS) in {0, 1}


def _ports(worker: subprocess.Popen[bytes], port: int) -> set[int]:
    """Its own ends of its connections to Redis."""
    found = psutil.Process(worker.pid).net_connections("tcp")
    return {one.laddr.port for one in found if one.raddr and one.raddr.port == port}


@contextmanager
def _redis(folder: Path) -> Iterator[tuple[int, psutil.Process]]:
    port = free_port()
    words = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with subprocess.Popen([find_redis(), *words], stdout=subprocess.DEVNULL) as server:
        try:
            eventually(lambda: _answers(port), SECONDS)
            yield port, psutil.Process(server.pid)
        finally:
            server.terminate()


def _answers(port: int) -> bool:
    try:
        with Redis(port=port) as redis:
            return bool(redis.ping())
    except RedisError:
        return False


@contextmanager
def _started(folder: Path, port: int, words: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A worker with nothing else than its Redis and a database."""
    (folder / "run").mkdir()
    settings = {
        "UPLOADS_DATA": str(folder),
        "UPLOADS_REDIS_URL": f"redis://127.0.0.1:{port}/0",
        "UPLOADS_S3_ENDPOINT": "http://127.0.0.1:9",
        "UPLOADS_S3_ACCESS_KEY": "nobody-there",
        "UPLOADS_S3_SECRET_KEY": "nobody-there",
        "UPLOADS_SECRET_KEY": "k" * 32,
        "UPLOADS_CLAMD": "off",
    }
    migrate.upgrade(f"sqlite:///{folder / 'uploads.db'}")
    command = [sys.executable, "-m", "celery", "--quiet", "--app", *words]
    with (folder / "log").open("wb") as log:
        worker = subprocess.Popen(
            [*command, "--without-gossip", "--without-mingle", "--without-heartbeat", "-O", "fair"],
            env={**os.environ, **settings},
            cwd=ROOT,
            stdout=log,
            stderr=log,
        )
    try:
        yield worker
    finally:
        worker.kill()
        worker.wait(SECONDS)
