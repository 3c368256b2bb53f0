"""Each task's own words: its settings are read by the service, as in its container."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.terraform import Configuration, by_kind
from uploads.config import Settings
from workers.embedded import stack


def container(outputs: dict[str, Any], process: str) -> dict[str, Any]:
    (found,) = [one for one in outputs["definitions"][process] if one["name"] == process]
    return dict(found)


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory, simulator: str) -> dict[str, Any]:
    """The containers of each task, as they are written for given parts."""
    made = Configuration(tmp_path_factory.mktemp("tasks"), "tests/service", endpoint=simulator)
    plan = made.plan()
    found = {name: one["value"] for name, one in plan["planned_values"]["outputs"].items()}
    whole = by_kind(plan)
    return {**found, **{when: _of(whole, when) for when in ("running", "stopped")}}


def _of(whole: dict[str, list[dict[str, Any]]], when: str) -> dict[str, list[dict[str, Any]]]:
    """What one of the two modules would make, by kind."""
    at = f'module.service["{when}"].'
    own = {
        kind: [one for one in resources if one["_at"].startswith(at)]
        for kind, resources in whole.items()
    }
    return {kind: resources for kind, resources in own.items() if resources}


def test_before_the_start_there_is_everything_but_services(tasks: dict[str, Any]) -> None:
    """So what is first applied needs no image and no schema, and no alarm is red."""
    running, stopped = tasks["running"], tasks["stopped"]
    gone = {
        "aws_ecs_service", "aws_appautoscaling_target", "aws_appautoscaling_policy",
        "aws_cloudwatch_metric_alarm",
    }  # fmt: skip
    assert set(running) - set(stopped) == gone
    for kind in ("aws_ecs_task_definition", "aws_cloudwatch_log_group"):
        assert len(stopped[kind]) == len(running[kind]) == 6


def test_only_who_opens_files_has_the_image_with_parsers(tasks: dict[str, Any]) -> None:
    images = {
        process: container(tasks, process)["image"]
        for process in ("web", "worker", "courier", "schedule", "bootstrap")
    }
    assert [process for process, image in images.items() if image == "worker:1"] == ["worker"]


def test_the_bootstrap_may_run_twice_and_fails_with_its_migration(
    tasks: dict[str, Any], tmp_path: Path
) -> None:
    """The task's own words, on SQLite; then on a database that is not there."""
    task, folder = container(tasks, "bootstrap"), tmp_path / "s"
    given = {"FIRST_PASSWORD": "nobody will guess this one"}
    on_file = {"UPLOADS_DATABASE_URL": f"sqlite:///{tmp_path / 'first.db'}", **given}
    first = run_as(task, folder, *task["command"], **on_file)
    assert first.returncode == 0, first.stderr
    assert "Administrator: ann@example.org" in first.stderr
    again = run_as(task, folder, *task["command"], **on_file)
    assert (again.returncode, "there are users already" in again.stderr) == (0, True), again.stderr
    away = {"UPLOADS_DATABASE_URL": f"sqlite:///{tmp_path / 'nowhere' / 'first.db'}", **given}
    failed = run_as(task, folder, *task["command"], **away)
    assert failed.returncode != 0
    assert "Administrator" not in failed.stderr


def run_as(task: dict[str, Any], scratch: Path, *command: str, **more: str) -> Any:
    """Run a container's entry point with its environment, its folder moved and secrets made up."""
    scratch.mkdir(exist_ok=True)
    env = {one["name"]: one["value"] for one in task["environment"]}
    env |= {one["name"]: "s" * 40 for one in task["secrets"]} | more
    env = {name: text.replace("/scratch", str(scratch)) for name, text in env.items()}
    env["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    words = [word.replace("/scratch", str(scratch)) for word in (*task["entryPoint"], *command)]
    return subprocess.run(words, env=env, cwd=scratch, capture_output=True, text=True)


@pytest.mark.parametrize("process", ["web", "worker", "courier", "schedule", "bootstrap"])
def test_each_task_has_settings_that_the_service_reads(
    tasks: dict[str, Any], process: str, tmp_path: Path
) -> None:
    """A misspelt or contradicting one would stop the start; so would a secret that is missing."""
    ask = "from uploads.config import Settings; print(Settings.load().%s)"
    # A schedule signs nothing and reaches no store.
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
    assert json.dumps(tasks["definitions"]).count("valueFrom") >= 12
