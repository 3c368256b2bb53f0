"""What runs on another's machine: pinned, with least rights, and the same two commands as here."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
WORKFLOWS = [path.read_text() for path in (ROOT / ".github" / "workflows").glob("*.yml")]


def test_actions_are_pinned_by_commit_and_say_which_version_that_is() -> None:
    used = [line for text in WORKFLOWS for line in re.findall(r"uses: .*", text)]
    assert used
    pinned = re.compile(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+(\.\d+)+")
    assert [line for line in used if not pinned.fullmatch(line)] == []


def test_a_workflow_reads_the_repository_and_has_no_other_right() -> None:
    for text in WORKFLOWS:
        assert re.findall(r"^ *permissions:\n((?: +.*\n)+)", text, re.M) == ["  contents: read\n"]
        assert text.count("persist-credentials: false") == text.count("actions/checkout@")
        assert "secrets." not in text
        assert "pull_request_target" not in text


def test_it_runs_the_commands_of_our_own_run() -> None:
    ours = re.findall(r"^(make \w+)", (ROOT / ".ci" / "run").read_text(), re.M)
    assert ours == ["make check", "make test"]
    as_root = "(?:sudo --preserve-env=PATH,CI )?"
    assert re.findall(rf"run: {as_root}(make (?:check|test))$", WORKFLOWS[0], re.M) == ours


def test_every_lock_is_looked_up_among_the_known_vulnerabilities() -> None:
    """Each by itself: also one that is added tomorrow."""
    command = ["make", "--dry-run", "audit"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    looked = re.findall(r"pip_audit .*\s-r (\S+)$", run.stdout.replace("\\\n", ""), re.MULTILINE)
    locks = [f"requirements/{file.name}" for file in (ROOT / "requirements").glob("*.txt")]
    assert sorted(looked) == sorted(locks)


def test_mutants_take_longer_than_any_test_of_the_suite_may() -> None:
    """One test takes all of them, an hour and more: what ends a test that hangs must not end it."""
    command = ["make", "--dry-run", "fuzz"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    seconds = re.search(r"test_fuzz\.py .*-o faulthandler_timeout=(\d+)$", run.stdout, re.MULTILINE)
    assert seconds is not None
    assert int(seconds[1]) >= 4 * 3600
