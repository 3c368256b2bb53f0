"""Terraform's own binary on a copy of `infra/terraform`, and a simulator of AWS on loopback."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import urllib3

from tests.support.ports import free_port
from tests.support.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "infra" / "terraform"
_SIMULATOR = ROOT / ".tools" / "terraform" / "bin" / "moto_server"


@contextmanager
def running_simulator(log: Path) -> Iterator[str]:
    """Start moto; gives its endpoint, ends it afterwards."""
    port = free_port()
    command = [str(_SIMULATOR), "-H", "127.0.0.1", "-p", str(port)]
    # Its packages come without bytecode; what it loads is compiled once.
    env = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with (
        log.open("wb") as out,
        subprocess.Popen(command, stdout=out, stderr=out, env=env) as process,
    ):
        try:
            endpoint = f"http://127.0.0.1:{port}"
            eventually(lambda: _answers(endpoint), seconds=120)
            yield endpoint
        finally:
            process.terminate()


def _answers(endpoint: str) -> bool:
    try:
        url = f"{endpoint}/moto-api/data.json"
        return urllib3.request("GET", url, retries=False, timeout=5.0).status == 200
    except urllib3.exceptions.HTTPError:
        return False


class Configuration:
    """One root configuration below `infra/terraform`, copied so that nothing is left beside it."""

    def __init__(
        self, folder: Path, inside: str, platform: dict[str, str] | None = None, **variables: str
    ) -> None:
        leave = shutil.ignore_patterns(".terraform*", "__pycache__")
        copied = shutil.copytree(SOURCES.parent, folder / "infra", ignore=leave)  # clamd.conf, too
        shutil.copy(ROOT / "docker-compose.yml", folder)  # ClamAV's version
        self._at = copied / SOURCES.name / inside
        given = {f"TF_VAR_{name}": text for name, text in variables.items()}
        self._env = {**os.environ, **given, **(platform or {})}
        # The provider's start makes garbage: a fifth of its time went by in collecting that.
        self._env.setdefault("GOGC", "400")
        # Each copy has a folder of its own for what `init` finds.
        self._env.pop("TF_DATA_DIR", None)
        self._run("init", "-backend=false")

    def apply(self) -> None:
        """Make what is written. Raises AssertionError with Terraform's words."""
        self._run("apply", "-auto-approve")

    def changes(self) -> bool:
        """Whether a plan finds anything that is not as it is written."""
        return self._run("plan", "-detailed-exitcode", well=(0, 2)).returncode == 2

    def plan(self, values: str = "", **variables: str) -> dict[str, Any]:
        """What would be made of a file of values, with some of them replaced."""
        self._run("plan", "-out=found.tfplan", *_given(values, variables))
        found: dict[str, Any] = json.loads(self._run("show", "-json", "found.tfplan").stdout)
        return found

    def refused(self, values: str, **variables: str) -> str:
        """The words with which a plan is refused, on one line."""
        run = self._run("plan", *_given(values, variables), well=(1,))
        return " ".join(run.stderr.replace("\u2502", " ").split())

    def outputs(self) -> dict[str, Any]:
        found = json.loads(self._run("output", "-json").stdout)
        return {name: output["value"] for name, output in found.items()}

    def state(self) -> str:
        """The whole state as it is stored."""
        return (self._at / "terraform.tfstate").read_text()

    def _run(self, verb: str, *words: str, well: tuple[int, ...] = (0,)) -> Any:
        command = ["terraform", verb, "-no-color", *words]
        if verb in {"init", "plan", "apply"}:
            command.append("-input=false")
        run = subprocess.run(command, cwd=self._at, env=self._env, capture_output=True, text=True)
        assert run.returncode in well, run.stdout[-4000:] + run.stderr[-4000:]
        return run


def _given(values: str, variables: dict[str, str]) -> list[str]:
    named = [f"-var-file={values}"] if values else []
    return [*named, *(word for pair in variables.items() for word in ("-var", "=".join(pair)))]


def by_kind(plan: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The planned resources of a plan by their type, each with its address as `_at`."""
    found: dict[str, list[dict[str, Any]]] = {}
    modules = [plan["planned_values"]["root_module"]]
    while modules:
        module = modules.pop()
        modules += module.get("child_modules", [])
        for one in module.get("resources", []):
            values = one.get("values", {})  # of what is never stored there are none
            found.setdefault(one["type"], []).append(values | {"_at": one["address"]})
    return found
