"""CPU and memory of whole trees, and the library that is written past the service."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bench.measure import Meter, cpu_seconds, folder_bytes, tree
from bench.systems.library import insert_documents
from bench.systems.service import lifted_settings
from tests.support.accounts import Bench
from uploads.documents.model import State, User
from uploads.records.engine import make_engine
from uploads.records.protocol import DocumentFilter

_WORK = "sum(n * n for n in range(3_000_000))"
_WAIT = "import sys; print('ready', flush=True); sys.stdin.read()"
_BLOCK = f"block = bytearray(b'x') * (64 << 20); {_WAIT}"


def waiting(code: str) -> subprocess.Popen[str]:
    """A Python that runs `code`, which says when it is ready and ends with its input."""
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_children_that_ended_still_count() -> None:
    """A parent whose child did the work has used its CPU time."""
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {_WORK!r}]); "
    with waiting(child + "print('ready', flush=True); sys.stdin.read()") as parent:
        with waiting(_WAIT) as other:
            assert cpu_seconds([parent.pid]) > cpu_seconds([other.pid]) + 0.05
            other.communicate()
        parent.communicate()


def test_a_tree_has_the_children() -> None:
    code = (
        "import subprocess, sys; child = subprocess.Popen(['sleep', '600']); "
        "print('ready', flush=True); sys.stdin.read(); child.kill()"
    )
    with waiting(code) as parent:
        found = tree([parent.pid])
        parent.communicate()
    assert found[0] == parent.pid
    assert len(found) == 2


def test_the_peak_is_of_each_tree_for_itself() -> None:
    """64 MiB in one tree are seen there and not in the other."""
    with waiting(_BLOCK) as large, waiting(_WAIT) as small:
        with Meter({"large": [large.pid], "small": [small.pid]}) as usage:
            pass
        large.communicate()
        small.communicate()
    assert usage.peak["large"] - usage.peak["small"] > 60 << 20
    assert usage.cpu.keys() == {"large", "small"}


def test_a_folder_weighs_what_its_files_weigh(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_bytes(b"12345")
    (tmp_path / "d").write_bytes(b"123")
    assert folder_bytes(tmp_path) == 8


def test_lifted_limits_are_settings_of_the_service() -> None:
    assert "UPLOADS_RATE_UPLOAD" in lifted_settings()


def test_a_library_that_was_written_in_can_be_read(bench: Bench, ann: User, tmp_path: Path) -> None:
    """The service lists it, newest first, as documents that were inspected."""
    insert_documents(make_engine(f"sqlite:///{tmp_path / 'accounts.db'}"), ann.id, 250)
    nothing = DocumentFilter(set(), None, None)
    page = bench.records.read(lambda work: work.documents.page(ann.id, nothing, 200, None))
    assert len(page) == 200
    assert {one.state for one in page} == {State.CLEAN}
    assert [one.created_at for one in page] == sorted((d.created_at for d in page), reverse=True)
    assert all(one.verdict and one.verdict.sha256 == one.sha256 for one in page)
