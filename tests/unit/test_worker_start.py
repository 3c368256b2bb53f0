"""A worker whose cell is open, whose rules do not compile, or that is root does not start."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

# What a worker does before its first job, in a process of its own; the cell's children skip what
# confines them where `open` is asked for.
SCRIPT = """
import sys
from workers.sandbox import warm
if sys.argv[1] == "open":
    leave = "from workers.sandbox import confinement; confinement.confine = lambda *_: None;"
    warm._BOOT = warm._BOOT.replace("from workers.sandbox", leave + "from workers.sandbox", 1)
from workers import app
if sys.argv[1] == "root":
    app.os.geteuid = lambda: 0
app._prove()
"""
PARTS = {
    "UPLOADS_CLAMD": "off",
    "UPLOADS_S3_ENDPOINT": "http://127.0.0.1:9",
    "UPLOADS_S3_ACCESS_KEY": "x",
    "UPLOADS_S3_SECRET_KEY": "x",
    "UPLOADS_SECRET_KEY": "s" * 32,
}


def refusal(tmp_path: Path, cell: str, **settings: str) -> str:
    """Start one; why it does not, as its log says."""
    environment = {"UPLOADS_DATA": str(tmp_path), **PARTS, **settings}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, cell],
        env=environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1, done.stderr
    said = [
        json.loads(line)
        for line in done.stdout.splitlines() + done.stderr.splitlines()
        if line.startswith("{")
    ]
    return next(one["cause"] for one in said if one["event"] == "worker_refuses_to_start")


def test_a_worker_whose_cell_is_open_says_by_which_way(tmp_path: Path) -> None:
    cause = refusal(tmp_path, "open")
    for probe in ("AF_INET SOCK_STREAM", "open /etc/passwd", "fork by libc", "exec"):
        assert probe in cause


def test_a_worker_whose_rules_do_not_compile_says_which(tmp_path: Path) -> None:
    """An operator's are no less a reason than ours."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "own.yar").write_text("rule a { condition: no }")
    assert "own.yar" in refusal(tmp_path, "confined", UPLOADS_YARA_RULES=str(tmp_path / "rules"))


PRODUCTION = {
    "UPLOADS_ENV": "production",
    "UPLOADS_PUBLIC_URL": "https://uploads.example.org",
    "UPLOADS_CONTENT_URL": "https://content.example.org",
    "UPLOADS_DATABASE_URL": "postgresql://uploads@127.0.0.1:9/uploads",
    "UPLOADS_REDIS_URL": "redis://127.0.0.1:9",
}


def test_a_worker_in_production_does_not_start_as_root(tmp_path: Path) -> None:
    """It says what to do, and looks at nothing else before."""
    assert "UPLOADS_WORKER_AS_ROOT" in refusal(tmp_path, "root", **PRODUCTION)


def test_the_clock_makes_the_folder_of_its_file(tmp_path: Path) -> None:
    """Nobody else does on a new machine."""
    file = tmp_path / "new" / "run" / "beat"
    script = (
        "import sys\nfrom workers.beat import app, _Fixed\n"
        "_Fixed(app, schedule_filename=sys.argv[1], lazy=False).close()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(file)],
        env={"UPLOADS_DATA": str(tmp_path / "data"), **PARTS},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert file.parent.is_dir()


def test_an_operator_may_want_it_to(tmp_path: Path) -> None:
    """Then the next look is the first to end the start."""
    (tmp_path / "own.yar").write_text("rule a { condition: no }")
    settings = {**PRODUCTION, "UPLOADS_WORKER_AS_ROOT": "yes", "UPLOADS_YARA_RULES": str(tmp_path)}
    assert "own.yar" in refusal(tmp_path, "root", **settings)


@pytest.mark.parametrize(
    "program",
    [["workers.app", "worker"], ["workers.courier.app", "worker"], ["workers.beat", "beat"]],
)
def test_wrong_settings_are_one_line(tmp_path: Path, program: list[str]) -> None:
    """Celery itself shows all calls that led to it, and this behind them."""
    done = subprocess.run(
        [sys.executable, "-m", "celery", "--quiet", "--app", *program],
        env={"UPLOADS_DATA": str(tmp_path), "UPLOADS_DATABASE_URL": "postgresql+nix://u:p@h/d"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    (said,) = (done.stdout + done.stderr).splitlines()
    assert json.loads(said)["cause"] == (
        "UPLOADS_DATABASE_URL: postgresql+nix is not known, "
        "must be sqlite:///PATH or postgresql+psycopg://…."
    )
