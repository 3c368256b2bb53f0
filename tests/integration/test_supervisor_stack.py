"""The whole stack under its supervisor: stopped, killed and started again, with real programs."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support import plain
from tests.support.people import PATIENCE
from tests.support.stack import Stack, argv
from tests.support.waiting import eventually
from workers.embedded.prepare import copy_database

pytestmark = pytest.mark.one_database

NAMES = {"redis", "s3", "worker", "courier", "schedule", "gunicorn"}


@pytest.fixture
def own(stack: Stack) -> Stack:
    """The stack, ready: what a test before has left of it is not a cause of the next failure."""
    if not stack.processes():
        stack.kill_everything()
        stack.start()
    eventually(lambda: answers(stack), PATIENCE)
    stack.rest()
    return stack


def pids(stack: Stack) -> dict[str, int]:
    found = {}
    for file in (stack.data / "run").glob("*.pid"):
        with suppress(FileNotFoundError):  # deleted with its process, just now
            found[file.stem] = int(file.read_text())
    return found


def answers(stack: Stack) -> bool:
    try:
        return plain.get(f"{stack.base_url}/readyz", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def all_gone(processes: list[psutil.Process]) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=60)
    return not alive


def test_first_login(own: Stack) -> None:
    """`first-login` names an administrator that exists; only the owner of the data reads it."""
    file = own.data / "first-login"
    assert file.stat().st_mode & 0o777 == 0o600
    assert str(file) in own.log.read_text()
    email, _ = own.administrator()
    assert email in own.cli("users", "list").stdout


def test_everything_it_writes_is_private(own: Stack) -> None:
    """Nobody but the owner can read anything in the data folder."""
    found = {Path(at, name) for at, *below in os.walk(own.data) for name in chain(*below)}
    open_to_others = set()
    for path in {own.data, *found}:
        with suppress(FileNotFoundError):  # deleted meanwhile
            mode = path.lstat().st_mode
            if mode & 0o077 and not stat.S_ISSOCK(mode):
                open_to_others.add(path)
    assert not open_to_others


def test_secrets_are_in_no_argument(own: Stack) -> None:
    """No secret stands in a command line, where every user of the machine could read it."""
    lines = (own.data / "stack.env").read_text().splitlines()
    named = dict(line.split("=", 1) for line in lines if "=" in line)
    keys = ("UPLOADS_SECRET_KEY", "UPLOADS_S3_ACCESS_KEY", "UPLOADS_S3_SECRET_KEY")
    secrets = [named[key].strip("'") for key in keys]
    assert all(secrets)
    words = " ".join(word for process in own.processes() for word in argv(process))
    assert "gunicorn" in words
    assert not [secret for secret in secrets if secret in words]
    assert not [secret for secret in secrets if secret in own.log.read_text()]


def test_the_worker_gives_way_to_the_web_service(own: Stack) -> None:
    """With all its processes and templates, and it alone."""
    nice = {
        name: {one.nice() for one in [root, *root.children(recursive=True)]}
        for name, root in ((name, psutil.Process(pid)) for name, pid in pids(own).items())
    }
    assert nice == {name: {1} if name == "worker" else {0} for name in NAMES}


def test_the_store_alone_interrupts_nobody(own: Stack) -> None:
    """None of its threads: web processes wait for it, and would be driven off by its waking."""
    policies: dict[str, set[int]] = {name: set() for name in NAMES}
    for name, pid in pids(own).items():
        for one in psutil.Process(pid).threads():
            with suppress(ProcessLookupError):  # ended, just now
                policies[name].add(os.sched_getscheduler(one.id))
    assert policies == {
        name: {os.SCHED_BATCH if name == "s3" else os.SCHED_OTHER} for name in NAMES
    }


@pytest.mark.parametrize("name", sorted(NAMES))
def test_each_part_is_restarted(own: Stack, name: str) -> None:
    """Any one part that is killed is back, as another process, and the service is ready again."""
    before = pids(own)
    assert set(before) == NAMES
    family = psutil.Process(before[name]).children(recursive=True)
    os.kill(before[name], signal.SIGKILL)
    assert all_gone(family)
    eventually(lambda: pids(own).get(name, before[name]) != before[name], PATIENCE)
    eventually(lambda: answers(own), PATIENCE)
    assert {one: pid for one, pid in pids(own).items() if one != name} == {
        one: pid for one, pid in before.items() if one != name
    }


def test_stop_leaves_nothing_and_start_finds_everything(own: Stack) -> None:
    """SIGTERM ends every process with exit code 0; the next start has the same accounts."""
    processes, users = own.processes(), own.cli("users", "list").stdout
    own.stop()
    assert all_gone(processes)
    assert not pids(own)
    assert "is killed" not in own.tail()
    own.start()
    assert own.cli("users", "list").stdout == users


def test_killed_supervisor(own: Stack) -> None:
    """After kill -9 of the supervisor alone all is gone, and the next start simply starts."""
    processes = own.processes()
    assert len(processes) > len(NAMES) + 1
    os.kill(processes[0].pid, signal.SIGKILL)
    assert all_gone(processes[1:])
    own.kill_everything()
    own.start()
    assert set(pids(own)) == NAMES


def test_second_start_is_refused(own: Stack) -> None:
    """A second start on a running stack's data names its address and leaves it alone."""
    before = pids(own)
    refused = own.cli("dev", "--port", "1")
    assert refused.returncode == 1
    assert own.base_url in refused.stderr
    assert pids(own) == before
    assert answers(own)


def test_old_database_is_copied_before_it_changes(tmp_path: Path) -> None:
    """A copy is whole, and only the newest three are kept."""
    url = f"sqlite:///{tmp_path / 'uploads.db'}"
    start = datetime(2026, 1, 1, tzinfo=UTC)
    assert copy_database(url, tmp_path / "backups", start) is None
    with closing(sqlite3.connect(tmp_path / "uploads.db")) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE t (n)")
        for number in range(5):
            with database:
                database.execute("INSERT INTO t VALUES (?)", [number])
            copy = copy_database(url, tmp_path / "backups", start + timedelta(days=number))
    copies = sorted((tmp_path / "backups").iterdir())
    assert len(copies) == 3
    assert copies[-1] == copy
    with closing(sqlite3.connect(copies[-1])) as database:
        assert database.execute("SELECT count(*) FROM t").fetchone() == (5,)
