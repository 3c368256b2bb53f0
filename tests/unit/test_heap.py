"""Memory for bodies is there from the start: taking it again asks nothing of the kernel."""

from __future__ import annotations

import subprocess
import sys

import pytest

PIECES = 16
_ACCOUNT = """
from pathlib import Path
def held(kind="Anonymous"):
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{kind}:"))
"""


def printed(program: str) -> int:
    """The one number that a new process of ours says, which knows what it holds in KiB."""
    argv = [sys.executable, "-c", _ACCOUNT + program]
    return int(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)


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
    pages = PIECES * 256
    assert (printed(_BODIES % reserved) < pages / 4) is reserved


_THREADS = f"""
import threading
from uploads import heap
if %r:
    heap.reserve({PIECES} << 20)
before, turns = held(), threading.Barrier(8)
def body():
    turns.wait()
    pieces = [b"x" * (1 << 20) for _ in range({PIECES})]
    turns.wait()
    del pieces
    turns.wait()
threads = [threading.Thread(target=body) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(held() - before)
"""


def test_threads_do_not_each_keep_as_much() -> None:
    """Eight held 128 MiB; what is kept of them is what one keeps, some MiB above what was there."""
    assert printed(_THREADS % True) < 2 * PIECES * 1024


_MUCH = f"""
from uploads import heap
heap.reserve({PIECES} << 20)
before = held()
pieces = [b"x" * (1 << 20) for _ in range(4 * {PIECES})]
del pieces
print(held() - before)
"""


def test_much_more_leaves_what_was_reserved() -> None:
    """No more is kept, and no less."""
    assert abs(printed(_MUCH)) < PIECES * 1024 / 2


_LARGE = f"""
from uploads import heap
if %r:
    heap.reserve({PIECES} << 20)
print(held("AnonHugePages"))
"""


@pytest.mark.parametrize("reserved", [True, False])
def test_it_lies_in_large_pages(reserved: bool) -> None:
    """As much of it as the kernel could put together just then."""
    assert (printed(_LARGE % reserved) > 0) is reserved
