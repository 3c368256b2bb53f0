"""The shape of the code: small files, small functions, arrows that point one way."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("uploads", "workers", "bench", "client/src/uploads_client")
FILE_LINES = 300
FUNCTION_LINES = 40
# Tables of data, which are read like a list: excepted by name.
TABLES = {
    "uploads/config.py",
    "uploads/documents/errors.py",
    "tests/support/benign_files.py",
    "tests/support/hostile_files.py",
}


def sources(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_no_file_is_longer_than_300_lines() -> None:
    """A file of the service or of its tests fits into the head."""
    long = {named(path): lines(path) for path in sources(*PACKAGES, "tests")}
    long = {name: count for name, count in long.items() if count > FILE_LINES}
    assert set(long) <= TABLES, long


def test_every_excepted_table_is_there() -> None:
    """An exception for a file that is gone goes as well."""
    assert all((ROOT / name).is_file() for name in TABLES)


def test_no_function_is_longer_than_40_lines() -> None:
    """A function fits on a screen."""
    long = {
        f"{named(path)}:{node.lineno} {node.name}": size
        for path in sources(*PACKAGES, "tests")
        if named(path) not in TABLES
        for node in functions(path)
        if (size := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES
    }
    assert not long


def test_every_module_says_what_it_is_for() -> None:
    """A module opens with a docstring."""
    silent = [
        named(path)
        for path in sources(*PACKAGES, "tests")
        if path.read_text().strip() and ast.get_docstring(ast.parse(path.read_text())) is None
    ]
    assert not silent


def test_the_arrows_hold() -> None:
    """Every contract between the packages is kept, and there are some."""
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert " 0 broken" in run.stdout
    assert " 0 kept" not in run.stdout


def test_tests_know_nothing_private_of_the_client() -> None:
    """It is tested by what everybody may use."""
    private = {
        f"{named(path)}: {name}"
        for path in sources("tests")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("uploads_client")
        for name in [*(node.module or "").split("."), *(one.name for one in node.names)]
        if name.startswith("_")
    }
    assert not private


def test_the_client_needs_httpx_alone() -> None:
    """Beside the standard library, and `rich` where the bar is."""
    needed = {
        (named(path), name.partition(".")[0])
        for path in sources("client/src")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else names(node))
        if name.partition(".")[0] not in {*sys.stdlib_module_names, "uploads_client"}
    }
    here = "client/src/uploads_client/"
    assert {place for place, name in needed if name == "rich"} == {here + "bars.py"}
    assert {name for _, name in needed} == {"httpx", "rich"}


def names(node: ast.Import) -> list[str]:
    return [one.name for one in node.names]


def test_only_the_settings_read_the_environment() -> None:
    """`os.environ` and `os.getenv` stand in few places, each for a reason of its own."""
    # The last one only writes: a library looks there for its folder.
    allowed = {"uploads/config.py", "uploads/gunicorn.conf.py", "uploads/tallies.py"}
    readers = {
        named(path)
        for path in sources("uploads")
        if "os.environ" in path.read_text() or "os.getenv" in path.read_text()
    }
    assert readers <= allowed


def test_the_error_table_is_total() -> None:
    """Every error of the catalogue has a status, and the table has no code besides."""
    from uploads.documents.errors import catalogue
    from uploads.errors import STATUS

    assert {kind.code for kind in catalogue()} == set(STATUS)
