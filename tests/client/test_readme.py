"""The examples in the READMEs are executed, so that they stay true."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import samples
from tests.support.people import PATIENCE, Person

pytestmark = pytest.mark.one_database

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("readme", "section"), [("client/README.md", "## In programs"), ("README.md", "## The client")]
)
def test_the_examples_for_programs_work_as_they_stand(
    readme: str, section: str, person: Person, tmp_path: Path
) -> None:
    text = (ROOT / readme).read_text().partition(section)[2].partition("\n## ")[0]
    program = "\n".join(re.findall(r"```python\n(.*?)```", text, re.S))
    (tmp_path / "report.pdf").write_bytes(samples.pdf())
    (tmp_path / "photo.jpg").write_bytes(samples.jpeg())
    program = program.replace("http://127.0.0.1:8000", person.stack.base_url)
    done = subprocess.run(
        [sys.executable, "-c", f"import os; key = os.environ['KEY']\n{program}"],
        cwd=tmp_path,
        env={**os.environ, "KEY": person.key},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert " clean " in done.stdout or done.stdout.startswith("clean ")
    if readme != "README.md":
        report = (tmp_path / "report.pdf").read_bytes()
        assert (tmp_path / "copy.pdf").read_bytes() == report
