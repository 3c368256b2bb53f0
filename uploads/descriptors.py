"""How many files a process may have open."""

from __future__ import annotations

import resource

# More are of no use, and some programs walk through every possible descriptor when they start.
_DESCRIPTORS = 65_536


def raise_descriptor_limit() -> None:
    """Allow as many open files as the system grants: every slow client holds one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
