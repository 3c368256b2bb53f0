"""How far a worker, and all that it starts, gives way where others want the processors too.

Linux may weigh sessions instead of processes (`sched_autogroup_enabled`, sched(7)): a niceness then
counts among the processes of one session alone. So each session of ours is given the same weight.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def give_way(steps: int) -> None:
    """Be nicer by so many steps (nice(2)), with everything that is started from now on."""
    os.nice(steps)
    weigh_session()


def weigh_session() -> None:
    """Give the session that we began the weight that this process has.

    One that somebody else began holds others as well, and is not ours to weigh. What has no such
    weights, or does not let us, has lost nothing.
    """
    if os.getsid(0) == os.getpid():
        with suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(os.getpriority(os.PRIO_PROCESS, 0)))
