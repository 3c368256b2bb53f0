"""Memory for bodies is there from the start: taking it again asks nothing of the kernel."""

from __future__ import annotations

import subprocess
import sys

import pytest

PIECES = 16
_BODIES = f"""
import resource
from uploads import heap
if %r:
    heap.reserve({PIECES} << 20)
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
before = faults()
for _ in range(8):
    held = [b"x" * (1 << 20) for _ in range({PIECES})]
    del held
print(faults() - before)
"""


@pytest.mark.parametrize("reserved", [True, False])
def test_what_is_reserved_is_kept_and_filled_already(reserved: bool) -> None:
    """A page for each 4 KiB otherwise, each time."""
    made = subprocess.run(
        [sys.executable, "-c", _BODIES % reserved], capture_output=True, text=True, check=True
    )
    pages = PIECES * 256
    assert (int(made.stdout) < pages / 4) is reserved
