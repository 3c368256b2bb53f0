"""docker-compose.yml as Docker Compose resolves it, with files made by infra/compose/prepare.

No engine runs here: what is started from it is in `composed.py`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HOSTS = ("uploads.test", "uploads-content.test", "uploads-store.test")
SECONDS = 60
_FETCHED = ROOT / ".tools" / "compose" / "docker-compose"
_HEALTH = re.compile(r"^HEALTHCHECK .*?CMD (\[.*?\])$", re.M | re.S)


def program() -> list[str]:
    """Docker Compose, which needs no engine to read a file."""
    if _FETCHED.exists():
        return [str(_FETCHED)]
    assert shutil.which("docker"), "Docker Compose is missing: make compose"
    return ["docker", "compose"]


class Deployment:
    """The files that `prepare` makes for a server, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "deploy"
        self.env_file = folder / "env"

    def prepare(self, *hosts: str) -> subprocess.CompletedProcess[str]:
        """Run `infra/compose/prepare` for these names, beside the project."""
        return self._run("prepare", *(hosts or HOSTS))

    def rotate(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `infra/compose/rotate`."""
        return self._run("rotate", *words)

    def _run(self, script: str, *words: str) -> subprocess.CompletedProcess[str]:
        own = {"PREPARE_INTO": str(self.folder), "PREPARE_ENV": str(self.env_file)}
        return subprocess.run(
            [str(ROOT / "infra" / "compose" / script), *words],
            env={"PATH": os.environ["PATH"], **own},
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )

    def secret(self, name: str) -> str:
        return (self.folder / "secrets" / name).read_text()

    def compose(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [*program(), "--project-directory", str(ROOT), "--env-file", str(self.env_file)]
        return subprocess.run(
            [*command, "--file", str(ROOT / "docker-compose.yml"), *words],
            # Nothing of whoever runs the tests: neither variables nor contexts.
            env={"PATH": os.environ["PATH"], "DOCKER_CONFIG": str(self.folder)},
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )

    def resolved(self) -> dict[str, Any]:
        """The whole file with all profiles, every name in it filled in."""
        done = self.compose("--profile", "*", "config", "--format", "json")
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found


def words(service: dict[str, Any]) -> list[str]:
    """What a service's container runs: entrypoint and command."""
    return [*(service.get("entrypoint") or []), *(service.get("command") or [])]


def image_health(target: str) -> list[str]:
    """The health check that the Dockerfile gives an image of ours."""
    text = (ROOT / "Dockerfile").read_text()
    part = text.partition(f" AS {target}\n")[2].partition("\nFROM ")[0]
    (found,) = _HEALTH.findall(part)
    check: list[str] = json.loads(found)
    return check


def health(service: dict[str, Any]) -> list[str]:
    """The command of its health check, as an argument list; empty when it has none."""
    check = service.get("healthcheck", {})
    if check.get("disable"):
        return []
    test = check.get("test")
    if test is None:
        return image_health(service["build"]["target"]) if "build" in service else []
    kind, *rest = test
    return ["/bin/sh", "-c", *rest] if kind == "CMD-SHELL" else list(rest)
