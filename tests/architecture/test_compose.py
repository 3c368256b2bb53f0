"""docker-compose.yml, read by Docker Compose: what every container may do, and who reaches whom."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.compose import HOSTS, ROOT, Deployment, health, words
from uploads import config_files
from uploads.config import Settings
from workers.embedded import stack

OURS = {"web", "worker", "courier", "schedule", "bootstrap"}
# They end by themselves.
ERRANDS = {"bootstrap", "store-folder", "certificates"}


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    made = Deployment(tmp_path_factory.mktemp("compose"))
    done = made.prepare()
    assert done.returncode == 0, done.stderr
    return made


@pytest.fixture(scope="module")
def project(deployment: Deployment) -> dict[str, Any]:
    return deployment.resolved()


@pytest.fixture(scope="module")
def services(project: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = project["services"]
    assert found.keys() >= OURS | {"nginx", "redis", "postgres", "store", "files", "clamd"}
    return found


def test_it_says_what_is_missing(tmp_path: Path) -> None:
    """Without names of its own no service starts, and the sentence says what to run."""
    bare = Deployment(tmp_path)
    bare.folder.mkdir()
    bare.env_file.touch()
    done = bare.compose("config", "--quiet")
    assert done.returncode != 0
    assert "run infra/compose/prepare" in done.stderr


def test_every_container_is_contained(services: dict[str, dict[str, Any]]) -> None:
    """No capability, no new privilege, nothing to write to, an end to everything it takes."""
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["read_only"] is True, name
        assert int(service["mem_limit"]) > 0, name
        assert service["cpus"] > 0, name
        assert 0 < service["pids_limit"] <= 512, name
        assert not service.get("privileged"), name
        assert "docker.sock" not in str(service), name


def test_one_container_is_root_for_a_moment(services: dict[str, dict[str, Any]]) -> None:
    """It gives away one folder, reaches nobody, and ends."""
    for name, service in services.items():
        if name == "store-folder":
            assert service["cap_add"] == ["CHOWN"]
            assert service["network_mode"] == "none"
            continue
        assert "cap_add" not in service, name
        if name != "certificates":  # whoever runs it
            assert service["user"].partition(":")[0] not in {"", "0", "root"}, name


def test_images_are_named_by_version(services: dict[str, dict[str, Any]]) -> None:
    """To the last number that their makers give: what starts tomorrow is what is meant today."""
    for name, service in services.items():
        assert re.search(r":v?\d+\.\d+(\.\d+)?(-[a-z]+)?$", service["image"]), name
    for base in re.findall(r"^FROM (\S+:\S+) AS", (ROOT / "Dockerfile").read_text(), re.M):
        assert re.search(r":\d+\.\d+(\.\d+)?-[a-z-]+$", base), base


def test_nginx_alone_is_reached_from_outside(services: dict[str, dict[str, Any]]) -> None:
    """Grafana on this machine alone."""
    ports = {name: service["ports"] for name, service in services.items() if service.get("ports")}
    assert set(ports) == {"nginx", "grafana"}
    assert {port["target"] for port in ports["nginx"]} == {443, 80}
    (shown,) = ports["grafana"]
    assert (shown["host_ip"], shown["target"]) == ("127.0.0.1", 3000)


def test_parsers_and_stores_reach_nothing_outside(project: dict[str, Any]) -> None:
    """The workers' cell, clamd and everything that keeps data are in networks without a way out."""
    services, networks = project["services"], project["networks"]
    open_ones = {name for name, one in networks.items() if not one.get("internal")}
    outside = {
        name for name, service in services.items() if open_ones & set(service.get("networks") or {})
    }
    assert outside == {"nginx", "courier", "signatures", "grafana"}
    hidden = networks["operator"]["driver_opts"]["com.docker.network.bridge.enable_ip_masquerade"]
    assert hidden == "false"
    assert set(services["grafana"]["networks"]) & open_ones == {"operator"}
    assert services["clamd"]["network_mode"] == "none"


def test_who_reaches_whom(services: dict[str, dict[str, Any]]) -> None:
    """nginx reaches the store's gateway and no database; nobody but the gateway the files."""

    def near(name: str) -> set[str]:
        mine = set(services[name].get("networks") or {})
        return {
            other
            for other, service in services.items()
            if other != name and mine & set(service.get("networks") or {})
        }

    assert near("nginx") == {"store", "worker", "bootstrap"}
    assert near("files") == {"store"}
    assert "signatures" not in near("courier")
    assert near("grafana") == {"prometheus"}
    assert near("prometheus") == {"grafana", *OURS} - {"bootstrap"}


def test_who_tries_the_service_finds_every_public_name(
    services: dict[str, dict[str, Any]],
) -> None:
    """The doctor, wherever it may be run, meets nginx under the names that clients know."""
    names = set(services["nginx"]["networks"]["own-names"]["aliases"])
    for who in ("worker", "bootstrap"):
        assert "own-names" in services[who]["networks"], who
        given = services[who]["environment"]
        for setting in ("PUBLIC_URL", "CONTENT_URL", "S3_PUBLIC_URL"):
            assert given[f"UPLOADS_{setting}"].removeprefix("https://") in names, setting


def test_every_setting_is_one(services: dict[str, dict[str, Any]]) -> None:
    """An unknown name would stop the start. Secrets come as files, never in the environment."""
    fields = Settings.model_fields
    known = {f"UPLOADS_{name.upper()}" for name in fields}
    secret = set(config_files.NAMES) - {"s3_access_key"}
    for name in OURS:
        given = set(services[name]["environment"])
        assert given <= known | config_files.VARIABLES, name
        assert not given & {f"UPLOADS_{one.upper()}" for one in secret}, name
        assert services[name]["environment"]["UPLOADS_ENV"] == "production"
        shown = {one["target"] for one in services[name]["secrets"]}
        files = {
            value for key, value in services[name]["environment"].items() if key[-5:] == "_FILE"
        }
        assert files <= shown, name


def test_secrets_stand_in_no_resolved_file(deployment: Deployment, project: dict[str, Any]) -> None:
    text = str(project)
    for file in (deployment.folder / "secrets").iterdir():
        assert file.read_text().strip() not in text, file.name


def test_processes_are_those_of_the_stack_on_one_machine(
    services: dict[str, dict[str, Any]],
) -> None:
    """The same words as `uploads dev` starts: what the tests run is what a server runs."""
    settings = Settings(data=Path("/var/lib/uploads"), _env_file=None)  # type: ignore[call-arg]
    parts = stack.steps(settings, own_redis=False, own_s3=False, env={})
    ours = {part.name: list(part.argv)[1:] for part in parts if part.name != "prepare"}
    for name, service in (("worker", "worker"), ("courier", "courier"), ("schedule", "schedule")):
        assert words(services[service])[1:] == ours[name], name
    module, config = ours["gunicorn"][:-1], ours["gunicorn"][-1]
    assert words(services["web"])[1:-1] == module
    place = "/opt/uploads/lib/python3.11/site-packages/"
    assert words(services["web"])[-1].removeprefix(place) == str(Path(config).relative_to(ROOT))


def test_images_run_the_same_by_themselves(services: dict[str, dict[str, Any]]) -> None:
    """The Dockerfile's own commands are those of the compose file."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", "")
    commands = [re.findall(r'"([^"]*)"', line) for line in re.findall(r"^CMD (\[.*)$", text, re.M)]
    assert words(services["worker"]) in commands
    assert words(services["web"]) in commands


def test_who_must_be_well_before_whom(services: dict[str, dict[str, Any]]) -> None:
    """Each waits for a condition, and for a check that there is."""
    for name, service in services.items():
        if name not in ERRANDS:
            assert health(service), name
        for other, needed in (service.get("depends_on") or {}).items():
            ends = other in ERRANDS
            wanted = "service_completed_successfully" if ends else "service_healthy"
            assert needed["condition"] == wanted, (name, other)
    waits = {name: set(service.get("depends_on") or {}) for name, service in services.items()}
    assert waits["bootstrap"] == {"postgres", "store"}
    for name in OURS - {"bootstrap"}:
        assert waits[name] >= {"bootstrap", "redis"}, name


def test_prepare_keeps_what_it_made(deployment: Deployment) -> None:
    """A second run changes no password, and closes the folder to others."""
    folder = deployment.folder / "secrets"
    before = {file.name: file.read_text() for file in folder.iterdir()}
    assert deployment.prepare().returncode == 0
    assert {file.name: file.read_text() for file in folder.iterdir()} == before
    assert folder.stat().st_mode & 0o077 == 0
    assert len({before[name] for name in before if name.endswith(("-key", "-password"))}) >= 7


@pytest.mark.parametrize(
    "hosts",
    [
        HOSTS[:2],
        (HOSTS[0], HOSTS[0], HOSTS[2]),
        ("Uploads.test", *HOSTS[1:]),
        ("a/b", *HOSTS[1:]),
        (HOSTS[0], f"content.{HOSTS[0]}", HOSTS[2]),
        (f"app.{HOSTS[2]}", *HOSTS[1:]),
    ],
)
def test_prepare_refuses_names_that_are_none(tmp_path: Path, hosts: tuple[str, ...]) -> None:
    made = Deployment(tmp_path)
    assert made.prepare(*hosts).returncode == 2
    assert not made.folder.exists()


@pytest.mark.parametrize("left", ["", "0f" * 20, "short", "two\nlines" + "x" * 32])
def test_prepare_believes_no_secret_that_is_not_whole(tmp_path: Path, left: str) -> None:
    """One that was cut off or lost is named, and nothing is put in its place."""
    made = Deployment(tmp_path)
    assert made.prepare().returncode == 0
    file = made.folder / "secrets" / "database-password"
    file.chmod(0o600)
    file.write_text(left)
    done = made.prepare()
    assert (done.returncode, "secrets/database-password is not whole" in done.stderr) == (2, True)
    assert file.read_text() == left


def test_nginx_learns_which_other_origins_are_listed(tmp_path: Path) -> None:
    """A line for each, and none for what would be more than an origin."""
    made = Deployment(tmp_path)
    assert made.prepare().returncode == 0
    file = made.folder / "nginx" / "service.conf"
    bare = file.read_text()
    origins = ("https://tools.example.org", "https://other.example.org:8443")
    settings = made.folder / "settings.env"
    # The port that goes without saying is left out, and none comes twice, which nginx refuses.
    written = ", ".join([f"{origins[0]}:443", *origins])
    settings.write_text(f"UPLOADS_CORS_ORIGINS={written}\n")
    assert made.prepare().returncode == 0
    lines = "".join(f'\n    "{origin}" 1;' for origin in origins)
    head = "map $http_origin $listed_origin {"
    assert file.read_text() == bare.replace(head, head + lines)
    for wrong in ("*", 'https://a.example"1;', "https://a.example/#", "a.example"):
        settings.write_text(f"UPLOADS_CORS_ORIGINS={wrong}\n")
        done = made.prepare()
        assert (done.returncode, "UPLOADS_CORS_ORIGINS" in done.stderr) == (2, True), wrong


def test_settings_of_the_operator_reach_every_container_of_the_service(tmp_path: Path) -> None:
    """And nginx; what the compose file itself says is stronger, and no secret may stand there."""
    made = Deployment(tmp_path)
    assert made.prepare().returncode == 0
    file = made.folder / "settings.env"
    assert "docker compose restart nginx" in file.read_text()  # else it keeps its earlier limit
    file.write_text("UPLOADS_MAX_FILE_BYTES=1073741825\nUPLOADS_ENV=development\n")
    assert made.prepare().returncode == 0
    services = made.resolved()["services"]
    for name, service in services.items():
        given = service.get("environment") or {}
        assert (given.get("UPLOADS_MAX_FILE_BYTES") == "1073741825") == (name in OURS), name
        assert given.get("UPLOADS_ENV", "production") == "production"
    for place, most in (("file-size", "1026m"), ("form-size", "65664m")):
        said = (made.folder / "nginx" / f"{place}.conf").read_text()
        assert f"client_max_body_size {most};" in said
    assert "default 1073741825;" in (made.folder / "nginx" / "service.conf").read_text()
    file.write_text("UPLOADS_SECRET_KEY=0123\n")
    done = made.prepare()
    assert (done.returncode, "names a secret" in done.stderr) == (2, True)
