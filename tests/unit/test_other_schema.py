"""Nobody works in a database whose schema belongs to another version."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from celery.exceptions import Ignore
from structlog.testing import capture_logs

from tests.support.sqlite import migrated_sqlite
from tests.unit.test_worker_start import PARTS, refusal
from uploads.records.revision import NEWEST, OtherSchema
from uploads.records.sql import SqlRecords
from workers.schema import SchemaGuard


def of_version(path: Path, version: str) -> str:
    """The address of a database that was migrated so far."""
    url = migrated_sqlite(path)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = ?", (version,))
    return url


@pytest.mark.parametrize(
    ("version", "sentence"),
    [("0001", "Run `uploads db upgrade`"), ("9999", "Start the version that it belongs to")],
)
def test_it_is_said_what_to_do(tmp_path: Path, version: str, sentence: str) -> None:
    records = SqlRecords(of_version(tmp_path / "x.db", version))
    with pytest.raises(OtherSchema, match=sentence) as refused:
        records.check_schema()
    assert version in str(refused.value)
    assert NEWEST in str(refused.value)
    records.close()


def test_a_database_without_a_schema_is_none(tmp_path: Path) -> None:
    records = SqlRecords(f"sqlite:///{tmp_path / 'x.db'}")
    with pytest.raises(OtherSchema, match="no schema yet"):
        records.check_schema()
    records.close()


def test_a_worker_looks_now_and_then_and_ends(tmp_path: Path) -> None:
    """The schema is brought up to date under it: within seconds it takes nothing more."""
    path = tmp_path / "x.db"
    records, now, ended = SqlRecords(migrated_sqlite(path)), [0.0], list[Any]()
    guard = SchemaGuard(records, 7, monotonic=lambda: now[0], end=lambda *told: ended.append(told))
    guard.check()
    of_version(path, "9999")
    guard.check()
    now[0] = 5.0
    with pytest.raises(Ignore), capture_logs() as logs:
        guard.check()
    assert ended == [(7, signal.SIGTERM)]
    assert [line["event"] for line in logs] == ["worker_stops"]
    with pytest.raises(Ignore):
        guard.check()
    records.close()


def test_a_worker_refuses_to_start(tmp_path: Path) -> None:
    of_version(tmp_path / "uploads.db", "0001")
    assert "`uploads db upgrade`" in refusal(tmp_path, "confined", UPLOADS_CELL="unconfined")


WEB = """
from uploads.app import create_app
create_app()
"""
COURIER = """
from workers.courier import app
app._begin()
"""


@pytest.mark.parametrize(("program", "code"), [(WEB, 4), (COURIER, 1)])
def test_web_and_courier_refuse_to_start(tmp_path: Path, program: str, code: int) -> None:
    of_version(tmp_path / "uploads.db", "9999")
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"UPLOADS_DATA": str(tmp_path), "PATH": os.environ["PATH"], **PARTS},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == code, done.stderr
    assert "Start the version that it belongs to" in done.stdout + done.stderr
