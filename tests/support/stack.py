"""The whole service as it is shipped, started for tests: `uploads dev` on a folder of its own.

Every part is real. Tests talk to it over HTTP and through its command; `services()` looks at its
database and its store from outside.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx
import psutil
from argon2 import PasswordHasher

from tests.support import plain
from tests.support.people import PATIENCE, Person
from tests.support.ports import free_port
from tests.support.waiting import eventually
from uploads.config import Settings
from uploads.documents.model import Role, Scope
from uploads.records.sql import SqlRecords
from uploads.security.accounts import Accounts
from uploads.storage.protocol import Bucket
from uploads.wiring import Services, build

START_SECONDS = 240
STOP_SECONDS = 120
FOR_TESTS = {
    "UPLOADS_RATE_DEFAULT": "100000/minute",
    "UPLOADS_RATE_UPLOAD": "100000/minute",
    "UPLOADS_RATE_KEY": "100000/minute",
    "UPLOADS_RATE_ADDRESS": "100000/minute",
    "UPLOADS_RATE_FAILED": "100000/minute",
    "UPLOADS_RATE_UPLOAD_KEY": "100000/minute",
    "UPLOADS_RATE_UPLOAD_ADDRESS": "100000/minute",
    "UPLOADS_BYTES_PER_HOUR": "0",
    "UPLOADS_BYTES_PER_HOUR_ADDRESS": "0",
    "UPLOADS_UPLOADS_AT_ONCE": "1000",
    "UPLOADS_UPLOADS_AT_ONCE_ADDRESS": "1000",
    # All that tests open comes from one address.
    "UPLOADS_WEB_CONNECTIONS_ADDRESS": "0",
    "UPLOADS_RATE_SIGN_IN": "1000/minute",
    "UPLOADS_RATE_LINK_PASSWORD": "100000/minute",
    # Sweeps are most of what a stack costs that idles, and half a dozen of them always do.
    "UPLOADS_SWEEP_SECONDS": "1",
    "UPLOADS_LEASE_SECONDS": "3",
    # So short a lease may run out on a machine that is only slow: no file is given up for that.
    "UPLOADS_STARTS_MAX": "20",
    "UPLOADS_DEFER_SECONDS": "1",
    "UPLOADS_GRACE_SECONDS": "15",
    "UPLOADS_STREAM_BEAT_SECONDS": "0.5",
    # The same on every machine; and other tests take the processors too.
    "UPLOADS_WORKER_PROCESSES": "2",
    "UPLOADS_WORKER_NICE": "1",
    # Receivers of webhooks are on loopback here, on any port.
    "UPLOADS_WEBHOOK_HTTP": "true",
    "UPLOADS_WEBHOOK_PORTS": "1024-65535",
    "UPLOADS_WEBHOOK_NETS": "127.0.0.1/32",
}
# For one that idles beside others most of its life: what only a sweep finds may come later there.
AT_REST = {"UPLOADS_SWEEP_SECONDS": "5"}
_AS_INSTALLED = Path(__file__).with_name("as_installed")
_CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
_OWN = Path(sys.executable).parent / "uploads"
COMMAND = (
    [str(_OWN)] if _OWN.exists() else [sys.executable, "-c", "from workers.cli import main; main()"]
)


class Stack:
    """One running service. `settings` are `UPLOADS_*` variables beside those made for tests."""

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        # Short, because Unix sockets in it have paths of at most 107 bytes.
        self.root = Path(tempfile.mkdtemp(prefix="upl-", dir="/tmp"))
        self.data = self.root / "data"
        self.temp = self.root / "tmp"
        self.temp.mkdir()
        self.log = self.root / "log"
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.content_url = f"http://localhost:{self.port}"
        # How its people reach these addresses; None is the usual way.
        self.transport: Callable[[], httpx.BaseTransport | None] = lambda: None
        self.people: list[Person] = []
        self._settings = {**FOR_TESTS, **(settings or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._asked = False
        self._services: Services | None = None

    # --- its life ---

    def start(self, **settings: str) -> None:
        """Start it, with further settings for this run, and wait until it is ready."""
        env = {**self._clean_env(), **self._settings, **settings, "TMPDIR": str(self.temp)}
        argv = [*COMMAND, "dev", "--port", str(self.port), "--data", str(self.data)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(argv, env=env, stdout=log, stderr=log)
        eventually(self._ready, START_SECONDS)

    def ask_to_stop(self) -> None:
        """SIGTERM alone; `stop` or `close` still has to wait for the end."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._asked = True

    def stop(self) -> None:
        """SIGTERM, as a person or a service manager would, and wait for its end."""
        self._let_go()
        if self._process is not None:
            self._process.terminate()
            assert self._process.wait(STOP_SECONDS) == 0, self.tail()
            self._process = None

    def kill_everything(self) -> None:
        """SIGKILL to every process of the stack, the supervisor first."""
        self._let_go()
        found = self.processes()
        for process in found:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(found, timeout=60)
        if self._process is not None:
            self._process.wait(60)
            self._process = None

    def restart(self, **settings: str) -> None:
        self.stop()
        self.start(**settings)

    def close(self) -> None:
        """End it, whatever state it is in, and remove its folder."""
        for person in self.people:
            person.close()
        try:
            if self._process is not None and (self._asked or self._process.poll() is None):
                self.stop()
        finally:
            if self._process is not None:
                self.kill_everything()
            # Whoever looked at what a stopped stack keeps has opened connections anew.
            self._let_go()
            shutil.rmtree(self.root, ignore_errors=True)

    def _ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"the stack ended while starting:\n{self.tail()}"
        try:
            return plain.get(f"http://127.0.0.1:{self.port}/readyz", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def tail(self) -> str:
        """The last words of its log."""
        return self.log.read_text(errors="replace")[-6000:]

    # --- its processes ---

    def processes(self) -> list[psutil.Process]:
        if self._process is None or self._process.poll() is not None:
            return []
        supervisor = psutil.Process(self._process.pid)
        return [supervisor, *supervisor.children(recursive=True)]

    def named(self, word: str) -> list[psutil.Process]:
        """Its processes whose command line has this word."""
        return [one for one in self.processes() if any(word in part for part in argv(one))]

    def web_rss(self) -> int:
        """Resident bytes of all web processes."""
        return sum(process.memory_info().rss for process in self.named("gunicorn"))

    def store_rss(self) -> int:
        """Resident bytes of the embedded store."""
        return sum(process.memory_info().rss for process in self.named("rclone"))

    # --- its command and its people ---

    def cli(self, *args: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """The operator's command, told nothing but where the data are."""
        env = {**self._clean_env(), "UPLOADS_DATA": str(self.data)}
        return subprocess.run(
            [*COMMAND, *args], env=env, input=given, capture_output=True, text=True, timeout=240
        )

    def person(self, name: str) -> Person:
        """A new user with a password and a key for reading and writing.

        Made by what the commands call: a command takes seconds, most of them to begin.
        """
        email, password = f"{name}@example.org", f"{name} has a long password"
        self.add_user(email, password)
        person = Person(self, email, password, self.key(email))
        self.people.append(person)
        return person

    def add_user(self, email: str, password: str, role: Role = Role.USER) -> None:
        """A new user, cheaply hashed: most never sign in, and who does is hashed anew."""
        Accounts(self.services().records, hasher=_CHEAP).create_user(email, password, role)

    def key(self, email: str, *scopes: Scope) -> str:
        """A new API key, by default for reading and writing documents."""
        wanted = scopes or (Scope.DOCUMENTS_READ, Scope.DOCUMENTS_WRITE)
        accounts = self.services().accounts
        _, key = accounts.create_key(accounts.user(email).id, "tests", set(wanted))
        return key

    def administrator(self) -> tuple[str, str]:
        """Name and password of the first administrator, as the first start wrote them."""
        words = (self.data / "first-login").read_text().split()
        email = next(word for word in words if "@" in word)
        return email, words[-1]

    # --- what it keeps ---

    def services(self) -> Services:
        """Its records and its store, reached as any command would reach them."""
        if self._services is None:
            self._services = build(Settings.load(data=self.data))
        return self._services

    def _let_go(self) -> None:
        """Close our own connections: addresses change with the next start."""
        if self._services is not None:
            assert isinstance(self._services.records, SqlRecords)
            self._services.records.close()
            self._services = None

    def rest(self) -> None:
        """Wait until all jobs are done: what a test before has left would delay what comes."""
        records = self.services().records
        eventually(lambda: not records.read(lambda work: work.jobs.backlog()), PATIENCE)

    def snapshot(self) -> dict[str, set[str]]:
        """Documents, objects and temporary files that there are now, by name."""
        services = self.services()
        objects = {
            f"{bucket}/{found.key}" for bucket in Bucket for found in services.storage.list(bucket)
        }
        documents = services.records.read(lambda work: {one.id for one in work.documents.all()})
        return {"documents": documents, "objects": objects, "files": self.temporary_files()}

    def temporary_files(self) -> set[str]:
        places = (self.temp, self.data / "scratch")
        # Folders come and go while they are read: this way of walking minds none that is gone.
        found = {
            Path(at, name) for place in places for at, _, names in os.walk(place) for name in names
        }
        return {str(one) for one in found if one.is_file()}

    def _clean_env(self) -> dict[str, str]:
        """Nothing of the tests' own environment that would make the service another one.

        structlog and kombu load what only checks and tests need, where it is installed: an eighth
        of what each process takes to start.
        """
        ours = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("UPLOADS_") and name != "PYTHONDONTWRITEBYTECODE"
        }
        return {**ours, "PYTHONPATH": str(_AS_INSTALLED)}


def argv(process: psutil.Process) -> list[str]:
    """Its command line; none where it has just ended."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []
