"""The README's examples are executed, so that they stay true."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import samples
from tests.support.stack import Stack

# The examples are the README's; every request in them is made on both databases elsewhere.
pytestmark = pytest.mark.one_database

ROOT = Path(__file__).parents[2]


def test_the_readmes_api_examples_work_as_they_stand(stack: Stack, tmp_path: Path) -> None:
    """Upload, wait, download, share and delete with curl alone, copied from the README."""
    section = (ROOT / "README.md").read_text().partition("## The API with curl")[2]
    blocks = re.findall(r"```sh\n(.*?)```", section.partition("\n## ")[0], re.S)
    assert len(blocks) == 2
    script = "".join(blocks).replace("http://127.0.0.1:8000", stack.base_url)
    command = f"{sys.executable} -c 'from workers.cli import main; main()'"
    script = script.replace(".venv/bin/uploads", command)
    photo = samples.photo_with_gps()
    (tmp_path / "photo.jpg").write_bytes(photo)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "UPLOADS_DATA": str(stack.data)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert '"state":"clean"' in done.stdout.replace(" ", "")
    assert (tmp_path / "copy.jpg").read_bytes() == photo
    assert (tmp_path / "copy-2.jpg").read_bytes() == photo
