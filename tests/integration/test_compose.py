"""Every command line of docker-compose.yml that can be started here, and its own health check.

What stands in for what is said in `tests/support/composed.py`. Not started: SeaweedFS (rclone
stands in), freshclam (it asks the outside), Grafana, and the errand that gives away a folder.
Prometheus is Debian's, which is older than the image's and has all of these options.
"""

from __future__ import annotations

import hashlib
import shutil
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError
from redis.retry import Retry
from sqlalchemy import NullPool, create_engine, text

from tests.support import composed_parts as parts
from tests.support import samples
from tests.support.compose import HOSTS, Deployment
from tests.support.composed import Container
from tests.support.hostile_files import eicar
from tests.support.people import PATIENCE, UNSETTLED
from tests.support.waiting import eventually

pytestmark = pytest.mark.one_database
STARTED = (
    *("postgres", "redis", "clamd", "web", "worker", "courier", "schedule", "nginx"),
    "prometheus",
)


class Town:
    """All of it, and how its outside is reached."""

    def __init__(
        self, containers: dict[str, Container], ports: dict[str, int], trust: Path
    ) -> None:
        self.containers, self.ports = containers, ports
        self._trust = ssl.create_default_context(cafile=trust / "app.crt")
        for part in ("content", "store"):
            self._trust.load_verify_locations(trust / f"{part}.crt")

    def client(self, **headers: str) -> httpx.Client:
        """Comes through nginx under the public names, without their ports."""
        return httpx.Client(
            base_url=f"https://{HOSTS[0]}/api/v1",
            headers=headers,
            transport=_Names(self.ports["https"], verify=self._trust),
            timeout=60,
        )

    def operator(self, *words: str) -> str:
        """The last line that the operator's command prints."""
        done = self.containers["bootstrap"].run("uploads", *words)
        assert done.returncode == 0, done.stderr
        return (done.stdout.splitlines() or [""])[-1]


class _Names(httpx.HTTPTransport):
    """Leads every name to nginx on loopback; requests say the name alone, as browsers do."""

    def __init__(self, port: int, verify: ssl.SSLContext) -> None:
        super().__init__(verify=verify)
        self._port = port

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        here = httpx.Request(
            request.method,
            request.url.copy_with(host="127.0.0.1", port=self._port),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": request.url.host},
        )
        return super().handle_request(here)


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    # Short, because of the sockets' paths; PostgreSQL's user must be able to enter.
    root = Path(tempfile.mkdtemp(prefix="cmp-", dir="/tmp"))
    root.chmod(0o755)
    with ExitStack() as ends:
        ends.callback(shutil.rmtree, root, ignore_errors=True)
        deployment = Deployment(root)
        assert deployment.prepare().returncode == 0
        parts.make_certificates(deployment)
        ports = parts.free_ports()
        containers = _containers(deployment, root, ports)
        _start(deployment, root, ports, containers, ends)
        # Who needs others ends before these, as Compose has it.
        ends.callback(lambda: [containers[name].ask_to_stop() for name in STARTED[3:]])
        yield Town(containers, ports, deployment.folder / "tls")


def _containers(deployment: Deployment, root: Path, ports: dict[str, int]) -> dict[str, Container]:
    services: dict[str, Any] = deployment.resolved()["services"]
    swaps, programs = parts.swaps(ports, root), parts.programs()
    return {
        name: Container(
            name,
            services[name],
            deployment,
            root,
            swaps=swaps[name],
            programs=programs.get(name, {}),
            more={"UPLOADS_PORT": str(ports["web"])} if name == "web" else {},
        )
        for name in (*STARTED, "bootstrap")
    }


def _start(
    deployment: Deployment,
    root: Path,
    ports: dict[str, int],
    containers: dict[str, Container],
    ends: ExitStack,
) -> None:
    """In the order that the file asks for, each when what it waits for is well."""
    who = parts.make_database(deployment, containers["postgres"])
    parts.give_signature(containers["clamd"])
    parts.start_store(deployment, root / "store", ports["store"], ends)
    containers["postgres"].start(ends, **who)
    for name in ("redis", "clamd"):
        containers[name].start(ends)
    for name in ("postgres", "redis", "clamd"):
        containers[name].await_health()
    for words in ("made incoming, quarantine, clean", "Buckets: all there"):
        done = containers["bootstrap"].run()
        assert done.returncode == 0, done.stderr
        assert words in done.stderr
        # nginx is not there yet: under its public name the store is tried at its endpoint.
        assert "ok        store          signed length" in done.stdout
        assert "the store is proved" in done.stderr
    for name in ("web", "worker", "courier", "schedule"):
        containers[name].start(ends)
    containers["web"].await_health()
    containers["nginx"].start(ends)
    containers["prometheus"].start(ends)


@pytest.mark.parametrize("name", STARTED)
def test_it_starts_and_its_own_check_says_so(town: Town, name: str) -> None:
    """With the words of the compose file, its configuration, and what it is given as secrets."""
    town.containers[name].await_health()


def test_nginx_finds_its_configuration_well(town: Town) -> None:
    nginx = town.containers["nginx"]
    done = nginx.run("nginx", "-t", "-e", "stderr", "-c", "/etc/nginx/nginx.conf")
    assert done.returncode == 0, done.stderr


def test_a_file_goes_all_the_way(town: Town) -> None:
    """Through nginx into the store, past ClamAV, and out again under the store's own name."""
    scopes = ("--scope", "documents:read", "--scope", "documents:write")
    key = town.operator("keys", "create", "--user", f"admin@{HOSTS[0]}", *scopes)
    content = samples.pdf()
    with town.client(Authorization=f"Bearer {key}") as api:
        clean, bad = (
            api.post("/documents", files={"file": file}).json()["id"]
            for file in (("report.pdf", content), ("bad.txt", eicar()))
        )

        def settled(document: str) -> dict[str, Any]:
            found: dict[str, Any] = api.get(f"/documents/{document}").json()
            return {} if found["state"] in UNSETTLED else found

        assert eventually(lambda: settled(bad), PATIENCE)["state"] == "infected"
        found = eventually(lambda: settled(clean), PATIENCE)
        assert found["state"] == "clean", found
        assert {"clamav", "yara", "structure"} <= {
            one["name"] for one in found["verdict"]["engines"]
        }
        location = api.get(f"/documents/{clean}/content").headers["Location"]
        assert location.startswith(f"https://{HOSTS[2]}/clean/")
        fetched = api.get(location, headers={"Authorization": ""})
    assert hashlib.sha256(fetched.content).digest() == hashlib.sha256(content).digest()


def test_prometheus_hears_every_process(town: Town) -> None:
    """Each at a listener of its own that is for metrics alone, with its token; by our rules."""
    source = f"http://127.0.0.1:{town.ports['prometheus']}/api/v1"

    def heard() -> dict[str, str]:
        targets = httpx.get(f"{source}/targets").json()["data"]["activeTargets"]
        found = {one["labels"]["job"]: one["health"] + one["lastError"] for one in targets}
        return found if "unknown" not in found.values() else {}

    jobs = {"uploads", *(f"uploads-{name}" for name in parts.COUNTING[1:])}
    assert eventually(heard, PATIENCE) == dict.fromkeys(jobs, "up")
    groups = httpx.get(f"{source}/rules").json()["data"]["groups"]
    assert {rule["health"] for group in groups for rule in group["rules"]} <= {"ok", "unknown"}
    assert sum(len(group["rules"]) for group in groups) > 10


def test_the_port_for_metrics_shows_nothing_else(town: Town) -> None:
    """Neither the app under any name nor a probe, and nothing without the token."""
    with httpx.Client(base_url=f"http://127.0.0.1:{town.ports['metrics of web']}") as outside:
        token = {"Authorization": f"Bearer {town.containers['web'].secret('metrics-token')}"}
        assert outside.get("/metrics", headers=token).status_code == 200
        assert outside.get("/metrics").status_code == 401
        for path in ("/livez", "/readyz", "/api/v1/policy", "/sign-in", "/static/x", "/nothing"):
            for host in HOSTS[:2]:
                answer = outside.get(path, headers={**token, "Host": host})
                assert answer.status_code == 404, (path, host)


def test_a_file_goes_straight_into_the_store(town: Town) -> None:
    """By a URL that is signed because `bootstrap` or the worker has proved the store."""
    key = town.operator(
        *("keys", "create", "--user", f"admin@{HOSTS[0]}"), *("--scope", "documents:write")
    )
    content = samples.pdf()
    with town.client(Authorization=f"Bearer {key}") as api:
        asked = api.post("/uploads", json={"name": "report.pdf", "size": len(content)})
        assert asked.status_code == 201, asked.text
        signed = asked.json()["request"]
        assert signed["url"].startswith(f"https://{HOSTS[2]}/incoming/")
        headers = {**signed["headers"], "Authorization": ""}
        assert api.put(signed["url"], headers=headers, content=content).status_code == 200
        assert api.post(f"/uploads/{asked.json()['id']}/complete").status_code == 202


def test_redis_lets_the_service_do_its_work_and_no_more(town: Town) -> None:
    """Nobody comes in without a password, and nobody can empty or change it."""
    port = town.ports["redis"]
    once = Retry(NoBackoff(), 0)
    with Redis(port=port, retry=once) as nobody, pytest.raises(AuthenticationError):
        nobody.ping()
    with Redis(port=port, username="probe", password="none") as probe:
        assert probe.ping()
        with pytest.raises(NoPermissionError):
            probe.get("anything")
    with Redis.from_url(town.containers["web"].secret("redis-url")) as ours:
        assert ours.info("memory")["maxmemory_policy"] == "noeviction"
        for forbidden in (ours.flushall, ours.acl_list, lambda: ours.config_get("*")):
            with pytest.raises(NoPermissionError):
                forbidden()


def test_the_service_is_no_superuser_of_its_database(town: Town) -> None:
    """It owns its tables; the server's settings are those of the file."""
    url = town.containers["web"].secret("database-url")
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        ask = "SELECT rolsuper OR rolcreatedb OR rolcreaterole FROM pg_roles WHERE rolname = USER"
        assert connection.execute(text(ask)).scalar_one() is False
        for setting, value in (("fsync", "on"), ("password_encryption", "scram-sha-256")):
            assert connection.execute(text(f"SHOW {setting}")).scalar_one() == value
    engine.dispose()
