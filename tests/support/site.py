"""The service on several hosts, as docs/operations.md has it: shared parts on one, ours on two.

`parts`: PostgreSQL, Redis, the store, ClamAV and nginx, whose upstream has both web servers. On
each other host a web server, a worker and a schedule, by the commands of docker-compose.yml and
in production mode. Clients are where the parts are.
"""

from __future__ import annotations

import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path

import httpx
import yaml

from tests.support import plain
from tests.support.clamd import own, running_clamd
from tests.support.compose import ROOT
from tests.support.composed import redis_program
from tests.support.namespaces import NET, Host, hosts
from tests.support.nginx import Nginx
from tests.support.people import Person
from tests.support.ports import free_port
from tests.support.postgres import fresh_database, postgres_server
from tests.support.s3 import ACCESS_KEY, SECRET_KEY, running_s3
from tests.support.stack import FOR_TESTS
from tests.support.waiting import eventually
from uploads.config import Settings
from uploads.documents.model import Scope
from uploads.records.migrate import upgrade
from uploads.wiring import Services, build
from workers.signs import READY_FILE

_WEB_PORT = 8000
_SECONDS = 120
_KEPT_IN_CONTAINERS = "/var/lib/uploads"
_PACKAGES = "/opt/uploads/lib/python3.11/site-packages"
_SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
_SETTINGS = {
    "UPLOADS_ENV": "production",
    "UPLOADS_WORKER_AS_ROOT": "yes",  # namespaces of a network need it
    "UPLOADS_TRUSTED_PROXIES": "1",
    "UPLOADS_INTERNAL_NETS": NET,
    "UPLOADS_WEB_PROCESSES": "1",
    "UPLOADS_WORKER_PROCESSES": "2",
    "UPLOADS_WORKER_NICE": "1",
    # What ClamAV must be proved to read, at the start of each worker.
    "UPLOADS_MAX_FILE_BYTES": "4000000",
    "UPLOADS_ARCHIVE_BYTES": "8000000",
}


class Machine:
    """A host with a web server, a worker and a schedule; its log is one file."""

    def __init__(self, host: Host, folder: Path, settings: Mapping[str, str]) -> None:
        self.host, self.log = host, folder / f"{host.name}.log"
        self._data = folder / host.name
        self.settings = {**settings, "UPLOADS_DATA": str(self._data)}
        self._started: list[subprocess.Popen[bytes]] = []

    @property
    def address(self) -> str:
        return f"{self.host.address}:{_WEB_PORT}"

    def start(self) -> None:
        """As a new machine: with nothing of an earlier one."""
        shutil.rmtree(self._data, ignore_errors=True)
        for name in ("run", "scratch"):
            (self._data / name).mkdir(parents=True)
        for name in ("web", "worker", "schedule"):
            more = [f"--bind={self.address}"] if name == "web" else []
            self._start([*map(self._here, _SERVICES[name]["command"]), *more])

    def _start(self, command: list[str]) -> None:
        with self.log.open("ab") as log, self.host.entered():
            self._started.append(
                subprocess.Popen(
                    command,
                    env={"PATH": str(Path(sys.executable).parent), **self.settings},
                    cwd=self._data,
                    stdout=log,
                    stderr=log,
                )
            )

    def _here(self, word: str) -> str:
        """What a container's word is on this machine."""
        places = {_PACKAGES: str(ROOT), _KEPT_IN_CONTAINERS: str(self._data)}
        for there, here in places.items():
            word = word.replace(there, here)
        return sys.executable if word == "python" else word

    def ready(self) -> bool:
        """Whether its web server says that all is there, and its worker may inspect."""
        ended = [one.args for one in self._started if one.poll() is not None]
        assert not ended, f"{ended} ended:\n{self.tail()}"
        return (self._data / "run" / READY_FILE).exists() and self.answers() == 200

    def answers(self) -> int | None:
        """The status of /readyz; None where nobody answers."""
        try:
            return plain.get(f"http://{self.address}/readyz", timeout=5).status_code
        except httpx.TransportError:
            return None

    def kill(self) -> None:
        """Everything on it at once, and wait until nothing answers there any more."""
        self.host.kill()
        for one in self._started:
            one.wait(_SECONDS)
        self._started.clear()
        eventually(lambda: self.answers() is None, _SECONDS)

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-6000:]


class Site:
    """All of it. Stands where people expect a `Stack`: they come through nginx."""

    def __init__(self, machines: list[Machine], nginx: Nginx, settings: Mapping[str, str]) -> None:
        self.machines, self.nginx = machines, nginx
        self.base_url, self.content_url = nginx.app_url, nginx.content_url
        self.transport = nginx.transport
        self._settings = settings

    @cached_property
    def _services(self) -> Services:
        given = self._settings.items()
        names = {name.removeprefix("UPLOADS_").lower(): text for name, text in given}
        return build(Settings.load(**names))

    def services(self) -> Services:
        """Its records and its store, from where they are."""
        return self._services

    def person(self, name: str) -> Person:
        """Somebody with a password and a key, made by what the commands call."""
        email, password = f"{name}@example.org", f"{name} has a long password"
        accounts = self._services.accounts
        user = accounts.create_user(email, password)
        scopes = {Scope.DOCUMENTS_READ, Scope.DOCUMENTS_WRITE}
        _, key = accounts.create_key(user.id, "tests", scopes)
        return Person(self, email, password, key)  # type: ignore[arg-type]

    def by(self, machine: Machine) -> Front:
        """The same service, reached by this machine's web server alone."""
        return Front(self, machine)

    def tail(self) -> str:
        return "".join(f"--- {one.host.name}\n{one.tail()}" for one in self.machines)

    def close(self) -> None:
        self._services.records.close()  # type: ignore[attr-defined]


class Front:
    """What nginx would be, were there one web server only."""

    def __init__(self, site: Site, machine: Machine) -> None:
        self.base_url, self.content_url = site.base_url, site.content_url
        self.tail = site.tail
        self._address = machine.address

    def transport(self) -> httpx.BaseTransport:
        return _Forwarding(self._address)


class _Forwarding(httpx.HTTPTransport):
    """Hands every request to one address, with the headers that a proxy sets."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._host, _, self._port = address.partition(":")

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        told = {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https"}
        there = request.url.copy_with(scheme="http", host=self._host, port=int(self._port))
        return super().handle_request(
            httpx.Request(
                request.method,
                there,
                headers=[*request.headers.multi_items(), *told.items()],
                stream=request.stream,
                extensions=request.extensions,
            )
        )


@contextmanager
def running_site() -> Iterator[Site]:
    """Start it on three hosts and end it; whoever asks is on the first of them meanwhile."""
    with ExitStack() as ends:
        # Short, because of the sockets' paths; PostgreSQL's user must be able to enter.
        folder = Path(tempfile.mkdtemp(prefix="site-", dir="/tmp"))
        folder.chmod(0o755)
        ends.callback(shutil.rmtree, folder, ignore_errors=True)
        parts, *others = ends.enter_context(hosts("parts", "one", "other"))
        ends.enter_context(parts.entered())
        settings = _parts(folder, parts.address, ends)
        machines = [Machine(host, folder, settings) for host in others]
        nginx, names = _nginx(machines, settings["UPLOADS_S3_ENDPOINT"])
        ends.callback(nginx.close)
        for one in machines:
            one.settings |= names
            ends.callback(one.kill)  # nobody has to end well here
            one.start()
        nginx.start()
        site = Site(machines, nginx, {**settings, **names, "UPLOADS_DATA": str(folder)})
        ends.callback(site.close)
        for one in machines:
            eventually(one.ready, _SECONDS)
        yield site


def _parts(folder: Path, address: str, ends: ExitStack) -> dict[str, str]:
    """Start what is shared; the settings that lead there."""
    access = folder / "pg_hba.conf"
    access.write_text(f"host all all {NET} trust\nhost all all 127.0.0.1/32 trust\n")
    listening = {"listen_addresses": f"127.0.0.1,{address}", "hba_file": str(access)}
    quick = {"fsync": "off", "full_page_writes": "off", **listening}
    server = ends.enter_context(postgres_server(None, folder / "postgresql.log", quick))
    database = fresh_database(server.url).replace("127.0.0.1", address)
    upgrade(database)
    endpoint = ends.enter_context(running_s3(folder / "s3", address=address))
    clamd = running_clamd(
        folder / "clamd",
        tcp=True,
        configuration=lambda place, listen: own("300M")(place, f"{listen}\nTCPAddr {address}"),
    )
    return {
        **FOR_TESTS,
        **_SETTINGS,
        "UPLOADS_SECRET_KEY": secrets.token_hex(32),
        "UPLOADS_DATABASE_URL": database,
        "UPLOADS_REDIS_URL": _redis(folder, address, ends),
        "UPLOADS_S3_ENDPOINT": endpoint,
        "UPLOADS_S3_ACCESS_KEY": ACCESS_KEY,
        "UPLOADS_S3_SECRET_KEY": SECRET_KEY,
        "UPLOADS_CLAMD": ends.enter_context(clamd).replace("127.0.0.1", address),
    }


def _redis(folder: Path, address: str, ends: ExitStack) -> str:
    port, password = free_port(), secrets.token_hex(16)
    words = {"bind": address, "port": port, "requirepass": password, "save": "", "dir": folder}
    process = subprocess.Popen(
        [
            str(redis_program("server")),
            *("--maxmemory-policy", "noeviction", "--loglevel", "warning"),
            *(str(word) for name, value in words.items() for word in (f"--{name}", value)),
        ]
    )
    ends.callback(lambda: (process.terminate(), process.wait(60)))
    return f"redis://:{password}@{address}:{port}/0"


def _nginx(machines: list[Machine], store: str) -> tuple[Nginx, dict[str, str]]:
    """The shipped one with an upstream of two, as docs/nginx.md has it; and the public names."""
    socket = Path("/run/uploads/web.sock")
    servers = " ".join(f"server {one.address};" for one in machines)
    made = Nginx(
        socket,
        {
            f"server unix:{socket};": servers,
            # All who come here have one address.
            "rate=50r/s": "rate=5000r/s",
            "server 127.0.0.1:8001;": f"server {store.removeprefix('http://')};",
        },
    )
    return made, {
        "UPLOADS_PUBLIC_URL": made.app_url,
        "UPLOADS_CONTENT_URL": made.content_url,
        "UPLOADS_S3_PUBLIC_URL": made.store_url,
    }
