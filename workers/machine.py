"""What this machine, or the container around us, has for a worker: processors and memory.

Decides how many processes a worker has where nobody said so. Knows no job and no file.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

from uploads.config import Settings

FEWEST, MOST = 2, 9
"""Processes of a worker by itself: a stranger's slow picture never stands before an inspection, and
clamd (`MaxThreads`) has a thread for each."""

_COURIERS, _OTHERS = 15, 5  # a pool has no more; the clock, a few commands

_CONTROL_GROUP = Path("/sys/fs/cgroup")  # a container sees its own limits there (cgroups(7))


def processes(settings: Settings) -> int:
    """How many processes this worker has: as set, or by what there is.

    By itself one for each processor, and one more, which is left for inspections while the others
    draw; but no more than there is memory for a cell of each and half a cell for all the rest.
    """
    if settings.worker_processes is not None:
        return settings.worker_processes
    cell = settings.cell_memory_bytes
    room = (memory_bytes() - cell // 2) // cell
    return max(FEWEST, min(MOST, processors() + 1, room))


def opened(settings: Settings) -> int:
    """How many connections all processes of a machine may open to a PostgreSQL at once.

    A worker's process has one for its job, one for the lease, and one that rests; the courier has
    one for each call, and the clock and commands have the rest.
    """
    workers = 3 * (processes(settings) + 1)
    web = settings.web_processes * settings.connections_each
    return web + workers + min(settings.webhook_workers, _COURIERS) + _OTHERS


def processors(control_group: Path = _CONTROL_GROUP) -> int:
    """How many of them can be busy with us at once; a part of one counts as one."""
    quota, period = _word(control_group / "cpu.max", 0), _word(control_group / "cpu.max", 1)
    if quota is None:
        quota = _word(control_group / "cpu" / "cpu.cfs_quota_us")
        period = _word(control_group / "cpu" / "cpu.cfs_period_us")
    ours = len(os.sched_getaffinity(0))
    if not quota or not period or quota < 0:
        return ours
    return min(ours, math.ceil(quota / period))


def memory_bytes(control_group: Path = _CONTROL_GROUP) -> int:
    """The machine's memory, or the container's where that is less."""
    limits = (
        _word(control_group / "memory.max"),
        _word(control_group / "memory" / "memory.limit_in_bytes"),
    )
    whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min([whole, *(limit for limit in limits if limit)])


def _word(file: Path, number: int = 0) -> int | None:
    """A number out of a control file; None where there is no such file, or no limit (`max`)."""
    try:
        return int(file.read_text().split()[number])
    except (OSError, ValueError, IndexError):
        return None
