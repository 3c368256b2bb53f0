"""The whole, planned by the real provider against a simulator on loopback, and what the plan says.

Also each task's own words: its settings are read by the service, as in its container.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.terraform import SOURCES, Configuration, running_simulator
from uploads.config import Settings
from workers.embedded import stack

EXAMPLE = "environments/production.tfvars.example"
BAD = {
    "environment": "Much-Too-Long-Name",
    "account_id": "12",
    "content_host": "content.uploads.example.org",
    "images": '{web="web:latest",worker="worker:1",clamav="clamav:1"}',
    "content_cdn_certificate_arn": "arn:aws:acm:eu-central-1:123456789012:certificate/3",
    "database_ca": "rds.pem",
    "quarantine_days": "0",
    "first_administrator": "nobody",
    "requests_per_address": "1",
    "secret_key_signs": "c",
    "user": "0:0",
    "clamav_user": "root",
    "settings": '{UPLOADS_OFFICE="on"}',
}


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_simulator(tmp_path_factory.mktemp("simulator") / "log") as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, simulator: str) -> Configuration:
    platform = {
        "AWS_ENDPOINT_URL": simulator,
        "AWS_ACCESS_KEY_ID": "simulator",
        "AWS_SECRET_ACCESS_KEY": "simulator",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return Configuration(tmp_path_factory.mktemp("root"), ".", platform=platform)


@pytest.fixture(scope="module")
def planned(root: Configuration) -> dict[str, list[dict[str, Any]]]:
    """What would be made, by kind."""
    return by_kind(root.plan(EXAMPLE, cloudfront_prefix_list_id="pl-0123456789abcdef0"))


def by_kind(plan: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    modules = [plan["planned_values"]["root_module"]]
    while modules:
        module = modules.pop()
        modules += module.get("child_modules", [])
        for one in module.get("resources", []):
            values = one.get("values", {})  # of what is never stored there are none
            found.setdefault(one["type"], []).append(values | {"_at": one["address"]})
    return found


def test_one_load_balancer_alone_is_public(planned: dict[str, list[dict[str, Any]]]) -> None:
    public = [one["_at"] for one in planned["aws_lb"] if not one["internal"]]
    assert public == ['module.edge.aws_lb.this["app"]']
    assert {one["xff_header_processing_mode"] for one in planned["aws_lb"] if one["internal"]} == {
        "preserve"
    }
    listeners = planned["aws_lb_listener"]
    plain = [one for one in listeners if one["protocol"] != "HTTPS"]
    assert [one["default_action"][0]["type"] for one in plain] == ["redirect"]
    assert {one["ssl_policy"] for one in listeners if one not in plain} == {
        "ELBSecurityPolicy-TLS13-1-2-2021-06"
    }
    assert not planned["aws_db_instance"][0]["publicly_accessible"]
    for one in planned["aws_ecs_service"]:
        assert one["network_configuration"][0]["assign_public_ip"] is False
        assert one["enable_execute_command"] is False


def test_everything_at_rest_and_on_its_way_is_encrypted(
    planned: dict[str, list[dict[str, Any]]],
) -> None:
    assert planned["aws_db_instance"][0]["storage_encrypted"]
    (cache,) = planned["aws_elasticache_replication_group"]
    assert cache["transit_encryption_enabled"]
    assert cache["transit_encryption_mode"] == "required"
    assert cache["at_rest_encryption_enabled"] in {True, "true"}
    assert cache["multi_az_enabled"]
    assert all(one["enable_key_rotation"] for one in planned["aws_kms_key"])
    (content,) = planned["aws_cloudfront_distribution"]
    assert content["viewer_certificate"][0]["minimum_protocol_version"] == "TLSv1.2_2021"
    assert content["default_cache_behavior"][0]["viewer_protocol_policy"] == "redirect-to-https"


def test_redis_never_forgets_and_its_user_has_no_rights_over_it(
    planned: dict[str, list[dict[str, Any]]],
) -> None:
    (group,) = planned["aws_elasticache_parameter_group"]
    assert {"name": "maxmemory-policy", "value": "noeviction"} in group["parameter"]
    source = (SOURCES / "modules" / "cache" / "main.tf").read_text()
    assert "-@admin -@dangerous" in source
    assert "{{resolve:secretsmanager:" in source
    assert "aws_elasticache_user" not in planned


def test_there_is_one_clock_and_never_two(planned: dict[str, list[dict[str, Any]]]) -> None:
    (clock,) = [one for one in planned["aws_ecs_service"] if one["name"] == "schedule"]
    assert (clock["desired_count"], clock["deployment_maximum_percent"]) == (1, 100)
    assert {one["name"] for one in planned["aws_ecs_service"]} == {
        "web", "worker", "courier", "schedule", "clamd",
    }  # fmt: skip


def test_bad_values_are_refused_by_name(root: Configuration) -> None:
    """All of them at once, before anything is asked of AWS."""
    words = root.refused(EXAMPLE, **BAD)
    missing = [name for name in BAD if f"var.{name} is" not in words and f"{name} " not in words]
    assert "Invalid value for variable" in words
    assert not missing, words
    assert words.count("Invalid value for variable") == len(BAD)


def container(outputs: dict[str, Any], process: str) -> dict[str, Any]:
    (found,) = [one for one in outputs["definitions"][process] if one["name"] == process]
    return dict(found)


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory, simulator: str) -> dict[str, Any]:
    """The containers of each task, as they are written for given parts."""
    made = Configuration(tmp_path_factory.mktemp("tasks"), "tests/service", endpoint=simulator)
    plan = made.plan()
    return {name: one["value"] for name, one in plan["planned_values"]["outputs"].items()}


def run_as(task: dict[str, Any], scratch: Path, *command: str, **more: str) -> Any:
    """Run a container's entry point with its environment, its folder moved and secrets made up."""
    scratch.mkdir(exist_ok=True)
    env = {one["name"]: one["value"] for one in task["environment"]}
    env |= {one["name"]: "s" * 40 for one in task["secrets"]} | more
    env = {name: text.replace("/scratch", str(scratch)) for name, text in env.items()}
    env["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        [*task["entryPoint"], *command], env=env, cwd=scratch, capture_output=True, text=True
    )


@pytest.mark.parametrize("process", ["web", "worker", "courier", "schedule", "bootstrap"])
def test_each_task_has_settings_that_the_service_reads(
    tasks: dict[str, Any], process: str, tmp_path: Path
) -> None:
    """A misspelt or contradicting one would stop the start; so would a secret that is missing."""
    ask = "from uploads.config import Settings; print(Settings.load().%s)"
    what = "redis_url" if process == "schedule" else "require_parts().redis_url"
    run = run_as(container(tasks, process), tmp_path / "s", "python", "-c", ask % what)
    assert run.returncode == 0, run.stderr
    secret = "s" * 40
    assert run.stdout == f"rediss://uploads:{secret}@redis:6379/0?ssl_cert_reqs=required\n"
    assert (tmp_path / "s" / "database-ca.pem").read_text().startswith("-----BEGIN")


def test_gunicorn_takes_the_web_tasks_command(tasks: dict[str, Any], tmp_path: Path) -> None:
    web = container(tasks, "web")
    run = run_as(
        web, tmp_path / "s", *web["command"], GUNICORN_CMD_ARGS="--print-config --check-config"
    )
    assert run.returncode == 0, run.stderr
    assert "['0.0.0.0:8000']" in run.stdout
    assert "uploads.serving.Worker" in run.stdout


def test_celery_is_started_as_the_embedded_stack_starts_it(tasks: dict[str, Any]) -> None:
    settings = Settings.load()
    for process, part in (("worker", stack._worker), ("courier", stack._courier)):
        command = container(tasks, process)["command"]
        assert command[1:] == list(part(settings).argv)[1:]


def test_every_container_is_locked(tasks: dict[str, Any]) -> None:
    """Nothing is root but what opens the fresh volume; nothing has a capability or a disk."""
    for containers in tasks["definitions"].values():
        for one in containers:
            assert one["readonlyRootFilesystem"] is True
            assert one["privileged"] is False
            assert one["linuxParameters"]["capabilities"] == {"drop": ["ALL"], "add": []}
            assert (one["user"] == "0") is (one["name"] == "prepare")


def test_clamd_has_our_limits_and_listens_for_the_workers(tasks: dict[str, Any]) -> None:
    (clamd,) = [one for one in tasks["definitions"]["clamd"] if one["name"] == "clamd"]
    (text,) = [one["value"] for one in clamd["environment"] if one["name"] == "CLAMD_CONF"]
    lines = text.splitlines()
    assert {"MaxFileSize 2047M", "AlertExceedsMax yes", "TCPSocket 3310"} <= set(lines)
    assert not [line for line in lines if line.startswith(("LocalSocket", "User", "#"))]


def test_no_secret_is_in_a_task_definition(tasks: dict[str, Any]) -> None:
    for containers in tasks["definitions"].values():
        for one in containers:
            named = {entry["name"] for entry in one.get("environment", [])}
            assert not {name for name in named if "PASSWORD" in name or "SECRET" in name}
    assert json.dumps(tasks).count("valueFrom") >= 20
