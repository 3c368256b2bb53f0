"""`uploads rescan` and `uploads canary`; and what commands say on which stream."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import create_engine, select

from tests.support.line import Line
from uploads.config import Settings
from uploads.documents.model import State
from uploads.records import migrate, tables
from workers.cli import main

SECONDS = 120


@pytest.fixture
def asked(line: Line, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Runs `uploads rescan` on the records of the line."""
    services = SimpleNamespace(records=line.records, hints=line.hints)
    monkeypatch.setattr("workers.cli.rescan.build", lambda _: services)

    def run(*words: str, rescans: int = 1) -> Result:
        settings = Settings(data=tmp_path, rescans=rescans, secret_key="k" * 32)
        given = settings.model_copy(update={"s3_endpoint": "x", "s3_keys": "role"})
        monkeypatch.setattr("workers.cli.rescan.stack_settings", lambda: given)
        return CliRunner().invoke(main, ["rescan", *words])

    return run


def clean(line: Line) -> str:
    document = line.accept(b"words")
    line.runner.run(line.job_of(document))
    assert line.state(document) is State.CLEAN
    line.records.write(lambda work: work.inspections.mark(document.id, "now", 1))
    return document.id


def outdated(line: Line) -> list[str]:
    return list(line.records.read(lambda work: work.inspections.outdated("now", 9)))


def test_everything_clean_is_looked_at_anew(line: Line, asked: Any) -> None:
    ids = {clean(line), clean(line)}
    line.accept(b"still to be inspected")
    assert outdated(line) == []
    result = asked("--all", "--json")
    assert (result.exit_code, json.loads(result.stdout)["documents"]) == (0, 2)
    assert set(outdated(line)) == ids
    engine = create_engine(line.database_url)
    with engine.connect() as connection:
        trail = connection.execute(select(tables.audit).order_by(tables.audit.c.id.desc()))
        last = trail.mappings().first()
    engine.dispose()
    assert last is not None
    assert (last["actor"], last["action"]) == ("operator", "rescan.asked")


def test_or_what_was_inspected_since_a_time(line: Line, asked: Any) -> None:
    clean(line)
    line.later(hours=2)
    late = clean(line)
    at = line.now.isoformat()
    result = asked("--since", at)
    assert (result.exit_code, result.stdout) == (0, "1 clean files will be inspected anew.\n")
    assert outdated(line) == [late]
    day = line.now.date().isoformat()
    assert json.loads(asked("--since", day, "--json").stdout)["since"] == f"{day}T00:00:00Z"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Give either --all or --since"),
        (["--all", "--since", "2026-01-01"], "Give either --all or --since"),
        (["--since", "yesterday"], "is not a time like"),
        (["--since", "2026-01-01T08:00:00"], "does not say in which zone"),
        (["--since", "2999-01-01"], "is still to come"),
    ],
)
def test_what_is_meant_must_be_clear(asked: Any, words: list[str], said: str) -> None:
    result = asked(*words)
    assert (result.exit_code, said in result.stderr, result.stdout) == (2, True, "")


def test_where_nobody_would_look_it_is_said(asked: Any) -> None:
    result = asked("--all", rescans=0)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: UPLOADS_RESCANS is 0: no worker looks at anything anew.\n"


def command(folder: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """The program itself, as an operator starts it."""
    given = {
        "UPLOADS_DATA": str(folder),
        "UPLOADS_S3_ENDPOINT": "http://127.0.0.1:9",
        "UPLOADS_S3_ACCESS_KEY": "nobody-there",
        "UPLOADS_S3_SECRET_KEY": "nobody-there",
        "UPLOADS_SECRET_KEY": "k" * 32,
        "UPLOADS_REDIS_URL": f"unix://{folder}/none",
        **{f"UPLOADS_{name.upper()}": value for name, value in settings.items()},
    }
    program = Path(sys.executable).with_name("uploads")
    return subprocess.run(
        [program, *words],
        env={"PATH": os.environ["PATH"], **given},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


def test_engines_prove_themselves_on_command(tmp_path: Path) -> None:
    """What is logged goes to stderr, one object a line; on stdout there is the result alone."""
    migrate.upgrade(f"sqlite:///{tmp_path / 'uploads.db'}")
    fine = command(tmp_path, "canary", clamd="off")
    assert fine.returncode == 0, fine.stderr
    assert [line.split()[:2] for line in fine.stdout.splitlines()] == [
        ["structure", "proved"],
        ["yara", "proved"],
    ]
    silent = command(tmp_path, "canary", "--json", clamd=str(tmp_path / "nobody"))
    told = json.loads(silent.stdout)
    assert (silent.returncode, told["ok"]) == (1, False)
    faults = {one["engine"]: one["fault"] for one in told["engines"]}
    assert faults["clamav"].startswith("does not answer: ")
    assert (faults["structure"], faults["yara"]) == (None, None)
    logged = [json.loads(line) for line in silent.stderr.splitlines()]
    assert [(one["event"], one["program"]) for one in logged] == [("engine_silent", "command")]


def test_a_rule_that_does_not_compile_is_named_in_one_sentence(tmp_path: Path) -> None:
    migrate.upgrade(f"sqlite:///{tmp_path / 'uploads.db'}")
    rule = tmp_path / "own.yar"
    rule.write_text("rule Own {\n  condition: nonsense\n}")
    told = command(tmp_path, "canary", clamd="off", yara_rules=str(tmp_path))
    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr.startswith(f"Error: UPLOADS_YARA_RULES: {rule}, line 2: unknown identifier")
    assert told.stderr.count("\n") == 1
    assert "take it out of the folder" in told.stderr
