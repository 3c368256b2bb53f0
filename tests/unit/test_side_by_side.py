"""Several things of one request at a time, among greenlets and without."""

from __future__ import annotations

import subprocess
import sys

import pytest

from uploads.side_by_side import side_by_side

_AMONG_GREENLETS = """
from gevent import monkey; monkey.patch_all()
import gevent
from uploads.side_by_side import side_by_side

under_way = most = 0
def act(n):
    global under_way, most
    under_way += 1
    most = max(most, under_way)
    gevent.sleep(0.001 * (10 - n))
    under_way -= 1
    return n * n

assert side_by_side(act, range(10), 4) == [n * n for n in range(10)]
assert most == 4, most
assert side_by_side(act, [3], 4) == [9]

ended = []
def raises(n):
    gevent.sleep(0.001 * n)
    ended.append(n)
    if n == 1:
        raise KeyError(n)
try:
    side_by_side(raises, range(4), 4)
except KeyError:
    assert ended == [0, 1, 2, 3], ended
else:
    raise AssertionError("nothing was raised")
"""


def test_without_greenlets_it_is_one_after_the_other() -> None:
    seen: list[int] = []

    def act(number: int) -> int:
        seen.append(number)
        return number + 1

    assert side_by_side(act, [1, 2, 3], 2) == [2, 3, 4]
    assert seen == [1, 2, 3]
    with pytest.raises(ZeroDivisionError):
        side_by_side(lambda n: 1 // n, [1, 0], 2)


def test_among_greenlets_so_many_at_a_time_and_in_their_order() -> None:
    """In a process of its own, for patching cannot be undone."""
    subprocess.run([sys.executable, "-c", _AMONG_GREENLETS], check=True, timeout=60)
