"""Memory as a machine of one's own has it: its pages are there when somebody wants them.

A virtual machine may give back what it does not use, and each page that comes from the host again
costs many times what filling it costs. Whoever runs after a pause would pay for that.
"""

from __future__ import annotations

import mmap

_AT_ONCE = 2 * 1024 * 1024
_MOST = 4 * 1024**3


def touch(size: int) -> None:
    """Use so many bytes, at most 4 GiB, and give them back: whoever asks next gets these pages."""
    zeros = bytes(_AT_ONCE)
    with mmap.mmap(-1, max(_AT_ONCE, min(size, _MOST))) as memory:
        for at in range(0, len(memory) - _AT_ONCE + 1, _AT_ONCE):
            memory[at : at + _AT_ONCE] = zeros
