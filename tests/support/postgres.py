"""A real PostgreSQL for tests: on loopback, with its own configuration, gone afterwards.

It trusts every local connection and, for tests, does not sync to disk: it is for nothing else.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import NullPool, create_engine, make_url, text

from tests.support.ports import free_port

_QUICK = {
    "max_connections": "100",
    "shared_buffers": "32MB",
    "fsync": "off",
    "full_page_writes": "off",
}
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "lc_messages": "C",
    "logging_collector": "off",
    "log_destination": "stderr",
}
_READY = re.compile("database system is ready to accept (read-only )?connections")


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: the URL of its first database, and its first process."""

    url: str
    pid: int


@contextmanager
def running_postgres(directory: Path) -> Iterator[str]:
    """Start one for tests that keeps its log in `directory`; yields its first database's URL.

    Raises RuntimeError where PostgreSQL is not installed or does not start.
    """
    with postgres_server(None, directory / "postgresql.log", _QUICK) as server:
        yield server.url


@contextmanager
def postgres_server(
    parent: Path | None, log: Path, settings: Mapping[str, str]
) -> Iterator[Server]:
    """Start one with its data in a new folder of `parent`, None for the usual place of such.

    `settings` are its own, by name. Raises RuntimeError as above.
    """
    binaries = newest_binaries()
    # PostgreSQL refuses to be root, and the user it is then cannot enter a folder of root's.
    home = Path(tempfile.mkdtemp(prefix="uploads-postgresql-", dir=parent))
    try:
        who = identity(home)
        _run([binaries / "initdb", "-D", home / "data", *_INITDB], who)
        port = free_port()
        given = {**_SETTINGS, **settings, "port": str(port)}
        with _server(binaries, home, log, who, given) as pid:
            yield Server(f"postgresql+psycopg://uploads@127.0.0.1:{port}/postgres", pid)
    finally:
        shutil.rmtree(home)


@contextmanager
def standby_postgres(directory: Path, prepare: Callable[[str], None]) -> Iterator[str]:
    """A server that only reads, as the old primary does after a failover; yields its URL.

    `prepare` is given the URL while it still takes writes. Raises RuntimeError as above.
    """
    home = Path(tempfile.mkdtemp(prefix="uploads-postgresql-"))
    try:
        who = identity(home)
        _run([newest_binaries() / "initdb", "-D", home / "data", *_INITDB], who)
        port = free_port()
        given = {**_SETTINGS, **_QUICK, "port": str(port)}
        url = f"postgresql+psycopg://uploads@127.0.0.1:{port}/postgres"
        with _server(newest_binaries(), home, directory / "primary.log", who, given):
            prepare(url)
        (home / "data" / "standby.signal").touch()
        with _server(newest_binaries(), home, directory / "standby.log", who, given):
            yield url
    finally:
        shutil.rmtree(home)


def fresh_database(base_url: str) -> str:
    """Create an empty database on the server of `base_url` and return its URL."""
    name = f"test_{uuid4().hex}"
    engine = create_engine(base_url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    return make_url(base_url).set(database=name).render_as_string(hide_password=False)


_INITDB = ("-U", "uploads", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8")


def newest_binaries() -> Path:
    """The newest PostgreSQL of this machine. Raises RuntimeError when there is none."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3])
    )
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    if on_path is None:
        raise RuntimeError("PostgreSQL is not installed; on Debian: apt-get install postgresql")
    return Path(on_path).resolve().parent


def identity(home: Path) -> dict[str, Any]:
    """Whom to start the server as: ourselves, or `postgres` where we are root."""
    if os.geteuid() != 0:
        return {}
    shutil.chown(home, "postgres", "postgres")
    return {"user": "postgres", "group": "postgres", "extra_groups": []}


def _run(command: list[Any], who: dict[str, Any]) -> None:
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False, **who)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed: {done.stderr}")


@contextmanager
def _server(
    binaries: Path,
    home: Path,
    log: Path,
    who: dict[str, Any],
    settings: Mapping[str, str],
) -> Iterator[int]:
    words = [f"--{name}={value}" for name, value in settings.items()]
    with subprocess.Popen(
        [binaries / "postgres", "-D", home / "data", *words],
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        # A Ctrl-C in the terminal is for the tests; they end the server themselves.
        start_new_session=True,
        **who,
    ) as server:
        reader = _LogReader(server, log)
        try:
            reader.wait_until_ready()
            yield server.pid
        finally:
            # SIGQUIT is PostgreSQL's immediate shutdown; nothing here is worth a checkpoint.
            server.send_signal(3)
            server.wait(timeout=60)
            reader.join()


class _LogReader(threading.Thread):
    """Drains the server's log into a file, so that it never blocks on a full pipe."""

    def __init__(self, server: subprocess.Popen[str], log: Path) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._log = log
        self._said_something_final = threading.Event()
        self._ready = False
        self.start()

    def run(self) -> None:
        assert self._server.stderr is not None
        with self._log.open("w") as log:
            for line in self._server.stderr:
                log.write(line)
                log.flush()
                if _READY.search(line):
                    self._ready = True
                    self._said_something_final.set()
        self._said_something_final.set()

    def wait_until_ready(self) -> None:
        if not self._said_something_final.wait(timeout=60) or not self._ready:
            raise RuntimeError(f"PostgreSQL did not start: {self._log.read_text()}")
