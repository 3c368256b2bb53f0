"""Memory that a process keeps for the bodies that pass through it, instead of asking for it anew.

A page that the C library gives back and takes again costs a fault and is cleared by the kernel:
it is a twentieth of what a large upload costs. Where it never gives any back, a process that served
many at once would stay large for ever. So it keeps what bodies may have in memory, and no more, in
pages of 2 MiB where the kernel has them: each byte is copied in, digested and copied out.
"""

from __future__ import annotations

import ctypes
import mmap

# mallopt(3). Setting either of the first two ends glibc's own adjusting of both.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -2, -3, -8
_MADV_COLLAPSE = 25  # madvise(2), Linux 6.1
_PIECE = 1024 * 1024
# Pieces of bodies come from the heap; what is larger is no piece, and is given back at once.
_LARGEST = 4 * _PIECE
_SLACK = 4 * _PIECE


def reserve(size: int) -> None:
    """Have `size` bytes at hand from now on, filled once and free. Does nothing without glibc."""
    libc = ctypes.CDLL(None)
    mallopt = getattr(libc, "mallopt", None)
    if mallopt is None:
        return
    madvise = libc.madvise
    madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    # Each arena would keep as much, and threads have their own; Python's lock leaves one enough.
    mallopt(_M_ARENA_MAX, 1)
    mallopt(_M_TRIM_THRESHOLD, size + _SLACK)
    # What stays when more than that is free: without it all goes, and comes back by its pages.
    mallopt(_M_TOP_PAD, size)
    mallopt(_M_MMAP_THRESHOLD, _LARGEST)
    held = [b"\1" * _PIECE for _ in range(size // _PIECE)]
    if held:
        # Together in large pages, as far as the kernel can. Nothing of it may be made above them:
        # what lies there keeps all below from being given back.
        first, last = min(map(id, held)), max(map(id, held)) + _PIECE
        first = first // mmap.PAGESIZE * mmap.PAGESIZE
        madvise(first, last - first, mmap.MADV_HUGEPAGE)
        madvise(first, last - first, _MADV_COLLAPSE)
    del held
