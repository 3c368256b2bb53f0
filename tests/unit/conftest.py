"""What unit tests share: a line in miniature, cheap passwords, no fault left armed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
from redis import Redis, RedisError

from tests.support.accounts import PASSWORD, Bench
from tests.support.cells import BOOT_HOSTILE
from tests.support.line import Line
from tests.support.waiting import eventually
from uploads import faults
from uploads.documents.model import Role, User
from workers.embedded.preflight import find_redis
from workers.sandbox import warm


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    made = Line(tmp_path)
    yield made
    made.records.close()


@pytest.fixture(autouse=True)
def _no_faults() -> Iterator[None]:
    yield
    faults.arm(None)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "accounts.db")
    yield bench
    bench.records.close()


@pytest.fixture
def ann(bench: Bench) -> User:
    return bench.accounts.create_user("ann@example.org", PASSWORD)


@pytest.fixture
def boss(bench: Bench) -> User:
    return bench.accounts.create_user("boss@example.org", PASSWORD, Role.ADMIN)


@pytest.fixture
def file() -> Iterator[BinaryIO]:
    with tempfile.TemporaryFile() as opened:
        opened.write(b"bytes of a stranger")
        opened.flush()
        yield opened


@pytest.fixture
def hostile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Children that know a task which misbehaves."""
    monkeypatch.setattr(warm, "_BOOT", BOOT_HOSTILE)


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis of its own, on a Unix socket."""
    folder = tmp_path_factory.mktemp("redis")
    sock = folder / "s"
    argv = [
        find_redis(),
        "--port",
        "0",
        "--unixsocket",
        str(sock),
        "--save",
        "",
        "--dir",
        str(folder),
    ]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL) as server:
        try:
            eventually(lambda: _answers(f"unix://{sock}"), 60)
            yield f"unix://{sock}"
        finally:
            server.terminate()
    shutil.rmtree(folder, ignore_errors=True)


def _answers(url: str) -> bool:
    try:
        with Redis.from_url(url) as redis:
            return bool(redis.ping())
    except RedisError:
        return False
