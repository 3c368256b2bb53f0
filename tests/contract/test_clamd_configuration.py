"""The shipped clamd.conf: wider than our own limits, and it says what it leaves unread."""

from __future__ import annotations

import hashlib
import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import benign_files, hostile_files
from tests.support.clamd import SHIPPED, SIGNATURE, running_clamd, shipped
from tests.support.hostile_archives import archives
from uploads.config import Settings
from uploads.config_forms import MIB
from uploads.documents.model import EngineReport, Outcome
from uploads.scanner import CEILING_BYTES
from workers import machine
from workers.inspection.clamd import Clamd
from workers.inspection.engine import Subject

_LINES = dict(
    line.split(maxsplit=1)
    for line in SHIPPED.read_text().splitlines()
    if line and not line.startswith("#")
)


@pytest.fixture(scope="module", params=["unix socket", "tcp"])
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Clamd]:
    folder = tmp_path_factory.mktemp("shipped")
    with running_clamd(folder, tcp=request.param == "tcp", configuration=shipped) as address:
        yield Clamd(address, seconds=120)


def _inspect(engine: Clamd, path: Path) -> EngineReport:
    size = path.stat().st_size
    return engine.inspect(Subject(path, size, "0" * 64, "application/zip", "a.zip"))


def _written(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / hashlib.sha256(data).hexdigest()
    path.write_bytes(data)
    return path


def test_it_finds_and_passes(engine: Clamd, tmp_path: Path) -> None:
    found = _inspect(engine, _written(tmp_path, hostile_files.eicar()))
    assert (found.outcome, found.finding) == (Outcome.INFECTED, SIGNATURE)
    assert _inspect(engine, _written(tmp_path, benign_files.word())).outcome is Outcome.CLEAN


def test_encryption_is_said(engine: Clamd, tmp_path: Path) -> None:
    _, locked, _ = hostile_files.pdfs()["password"]
    _, zipped, _ = archives()["zipcrypto"]
    for data in (locked, zipped):
        found = _inspect(engine, _written(tmp_path, data))
        assert (found.outcome, found.reason) == (Outcome.UNSCANNABLE, "encrypted"), found


def test_nesting_past_its_limit_is_said(engine: Clamd, tmp_path: Path) -> None:
    path = tmp_path / "0.zip"
    path.write_bytes(b"a plain text\n" * 10)
    for number in range(int(_LINES["MaxRecursion"]) + 2):
        outer = tmp_path / f"{number + 1}.zip"
        with zipfile.ZipFile(outer, "w") as archive:
            archive.write(path, "inner.zip")
        path = outer
    assert _inspect(engine, path).reason == "too-deep"


def test_a_size_past_its_limit_is_said(
    engine: Clamd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the descriptor nothing is read of it: the file is a hole. A stream would send it all."""
    path = tmp_path / "large"
    path.touch()
    os.truncate(path, CEILING_BYTES + 1)
    monkeypatch.setattr("workers.inspection.clamd.CEILING_BYTES", 2**31)  # so that it is asked
    if engine.address.startswith("/"):
        assert _inspect(engine, path).reason == "too-large"


def test_its_limits_are_wider_than_ours() -> None:
    ours = Settings()
    size = {name: _bytes(_LINES[name]) for name in ("MaxFileSize", "StreamMaxLength")}
    assert all(ours.max_file_bytes < wide <= CEILING_BYTES for wide in size.values())
    assert ours.archive_bytes < _bytes(_LINES["MaxScanSize"])
    assert ours.archive_entries < int(_LINES["MaxFiles"])
    assert 2 * ours.archive_depth < int(_LINES["MaxRecursion"])
    assert int(_LINES["MaxThreads"]) > machine.MOST


def test_it_answers_before_nobody_listens_any_more() -> None:
    ours = Settings()
    assert int(_LINES["MaxScanTime"]) < ours.clamd_seconds * 1000 < ours.job_seconds * 1000


def _bytes(written: str) -> int:
    match = re.fullmatch(r"(\d+)M", written)
    assert match, written
    return int(match[1]) * MIB
