"""This service: the embedded stack as `make run` starts it, with its limits lifted."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, func, select

from bench.load.granted import Api
from bench.load.upload import Upload, form_upload, raw_upload, request_head
from bench.measure import tree
from bench.systems.library import insert_documents
from bench.systems.process import free_port, program
from bench.systems.system import Running, Transfer, together
from bench.trouble import StepFailed
from tests.support.clamd import running_clamd, shipped
from tests.support.postgres import postgres_server
from uploads.config import Settings
from uploads.documents.model import UNSETTLED, JobState, Scope
from uploads.records.engine import begin_options, make_engine
from uploads.records.sql import SqlRecords
from uploads.records.tables import documents, jobs
from uploads.scanner import CEILING_BYTES
from uploads.wiring import build
from workers.embedded.probes import http_status

# What stands between a benchmark and the machine; all of it documented settings.
LIFTED = {
    "rate_default": "1000000/minute",
    "rate_key": "1000000/minute",
    "rate_address": "1000000/minute",
    "rate_upload": "1000000/minute",
    "rate_upload_key": "1000000/minute",
    "rate_upload_address": "1000000/minute",
    "bytes_per_hour": "0",
    "bytes_per_hour_address": "0",
    "uploads_at_once": "0",
    "uploads_at_once_address": "0",
    "web_connections_address": "0",
    "quota_bytes": "0",
    "quota_files": "0",
    "refuse_backlog_seconds": "0",  # workers are stopped meanwhile
    "max_file_bytes": str(8 * 1024**3),
    "clamd": "off",
}
_UNSETTLED = [state.value for state in UNSETTLED]


def lifted_settings() -> dict[str, str]:
    """The lifted limits as environment variables. Raises KeyError for what is no setting."""
    unknown = set(LIFTED) - set(Settings.model_fields)
    if unknown:
        raise KeyError(f"no settings of the service: {', '.join(sorted(unknown))}")
    return {f"UPLOADS_{name.upper()}": value for name, value in LIFTED.items()}


class NotSettled(StepFailed):
    """Raised when files that were accepted are not inspected in time."""


class Service:
    """What `uploads dev` starts."""

    name = "uploads"
    doors = ("form", "raw")

    @property
    def settings(self) -> str:
        lifted = ", ".join(f"`{name}={value}`" for name, value in lifted_settings().items())
        return f"the embedded stack with SQLite, all as by default but {lifted}"

    @contextmanager
    def start(self, folder: Path) -> Iterator[Running]:
        with _started(folder) as stack:
            yield stack.running()


class ServiceWithClamav:
    """The same with a ClamAV beside it; only asked to inspect."""

    name = "uploads with ClamAV"
    doors: tuple[str, ...] = ()
    settings = (
        "the same, with one clamd as `infra/clamav/clamd.conf` has it and one signature, and files "
        f"of at most {CEILING_BYTES:,} bytes"
    )

    @contextmanager
    def start(self, folder: Path) -> Iterator[Running]:
        with (
            running_clamd(folder / "clamd", configuration=shipped) as address,
            _started(folder, clamd=address, max_file_bytes=str(CEILING_BYTES)) as stack,
        ):
            yield stack.running()


class ServiceOnPostgres:
    """The same over a PostgreSQL, as on a server; only asked for grants."""

    name = "uploads on PostgreSQL"
    doors: tuple[str, ...] = ()
    settings = "the same, with a PostgreSQL as it comes (fsync on) in place of SQLite"

    @contextmanager
    def start(self, folder: Path) -> Iterator[Running]:
        with (
            postgres_server(folder.parents[1], folder.with_suffix(".log"), {}) as server,
            _started(folder, database_url=server.url) as stack,
        ):
            yield stack.running(server.pid)


@contextmanager
def _started(folder: Path, **settings: str) -> Iterator[_Stack]:
    port, data = free_port(), folder / "data"
    argv = [
        *(sys.executable, "-c", "from workers.cli import main; main()", "dev"),
        *("--port", str(port), "--data", str(data)),
    ]
    env = {**lifted_settings(), "PYTHONPATH": str(Path(__file__).parents[2])}
    env |= {f"UPLOADS_{name.upper()}": value for name, value in settings.items()}
    with program(argv, folder / "stack", lambda: _ready(port), env):
        stack = _Stack(port, data, settings)
        try:
            yield stack
        finally:
            # The supervisor waits for the worker's end, which one that is stopped never sees.
            stack.go_on()
            stack.let_go()


class _Stack:
    """The parts of a running stack, as its own files name them."""

    def __init__(self, port: int, data: Path, settings: Mapping[str, str]) -> None:
        self._port = port
        self._data = data
        self._stopped: list[int] = []
        loaded = Settings.load(data=data, **settings)
        services = build(loaded)
        user = services.accounts.create_user("bench@example.org", "a long password for the bench")
        scopes = [Scope.DOCUMENTS_READ, Scope.DOCUMENTS_WRITE]
        _, self._key = services.accounts.create_key(user.id, "bench", scopes)
        self._authorization = f"Authorization: Bearer {self._key}"
        self._api = Api(port, self._authorization)
        self._user = user.id
        assert isinstance(services.records, SqlRecords)
        services.records.close()
        self._engine = make_engine(loaded.database_url)

    def running(self, *database: int) -> Running:
        """`database` is the process of its database, where it has one of its own."""
        web, store = self._pid("gunicorn"), self._pid("s3")
        rest = [self._pid(name) for name in ("redis", "courier", "schedule")]
        return Running(
            port=self._port,
            trees={
                "web": [web],
                "store": [store],
                "worker": [self._pid("worker")],
                "rest": [*rest, *database],
            },
            upload=self._upload,
            kept=self._data / "s3",
            pause=self._pause,
            settle=self._settle,
            transfer=Transfer(
                ("client", f"http://127.0.0.1:{self._port}"), {"BENCH_KEY": self._key}
            ),
            post=self._post,
            fill=lambda count: insert_documents(self._engine, self._user, count),
        )

    def go_on(self) -> None:
        """Wake what was stopped."""
        for pid in self._stopped:
            _tell(pid, signal.SIGCONT)
        self._stopped = []

    def let_go(self) -> None:
        """Close the database: an open file in memory keeps its bytes after it was removed."""
        self._engine.dispose()

    def _read(self) -> Connection:
        return self._engine.connect().execution_options(**begin_options(writes=False))

    def _pid(self, name: str) -> int:
        return int((self._data / "run" / f"{name}.pid").read_text())

    def _upload(self, door: str, number: int, size: int) -> Upload:
        if door == "grant":
            return self._api.grant(number, size)
        if door == "signed":
            return self._api.upload(number, size)
        if door.startswith("signed"):
            return self._api.batch(number, together(door), size)
        if door.startswith("client ×"):
            return self._api.many(number, together(door), size)
        if door.startswith("form ×"):
            return self._api.form(number, together(door), size)
        if door == "client":
            return self._api.streamed(number, size)
        name = f"film-{number}.mp4"
        if door == "form":
            path = "/api/v1/documents"
            return form_upload(path, self._port, size, 202, name, "file", self._authorization)
        path = f"/api/v1/documents?name={name}"
        kind = "Content-Type: video/mp4"
        return raw_upload("POST", path, self._port, size, 202, kind, self._authorization)

    def _post(self, path: Path) -> Upload:
        """The whole file as a raw body."""
        data = path.read_bytes()
        target = f"/api/v1/documents?name={path.name}"
        head = request_head("POST", target, self._port, len(data), self._authorization)
        return Upload(head + data, 0, b"", 202)

    def _pause(self) -> None:
        """Stop workers and schedule: nothing is inspected meanwhile, as with the rivals."""
        paused = ("worker", "courier", "schedule")
        self._stopped = tree([self._pid(name) for name in paused])
        for pid in self._stopped:
            _tell(pid, signal.SIGSTOP)

    def _settle(self, seconds: float) -> dict[str, int]:
        """Raises NotSettled when something is not done in time."""
        self.go_on()
        if not self._all_settled(seconds):
            raise NotSettled(f"not everything was inspected within {seconds:g} s")
        with self._read() as connection:
            rows = connection.execute(
                select(documents.c.state, func.count()).group_by(documents.c.state)
            )
            return {str(state): int(count) for state, count in rows}

    def _all_settled(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        unsettled = select(documents.c.id).where(documents.c.state.in_(_UNSETTLED)).limit(1)
        owed = select(jobs.c.id).where(jobs.c.state == JobState.DUE.value).limit(1)
        while time.monotonic() < end:
            with self._read() as connection:
                if all(connection.execute(one).first() is None for one in (unsettled, owed)):
                    return True
            time.sleep(0.1)
        return False


def _tell(pid: int, what: signal.Signals) -> None:
    """A worker's children come and go: one that has ended meanwhile needs no telling."""
    with suppress(ProcessLookupError):
        os.kill(pid, what)


def _ready(port: int) -> bool:
    return http_status(port, "/readyz", f"127.0.0.1:{port}") == 200
