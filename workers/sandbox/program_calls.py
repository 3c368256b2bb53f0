"""The list of system calls for a program of others, which opens its libraries and its files.

What the strict list has, and beside it the calls on paths, which Landlock bounds, and new code,
without which no library is loaded. Left out is what Landlock does not see or what reaches beyond
the process: changing modes, owners, times or links of files, other processes, mounts, namespaces
and what else the kernel has to offer. Of sockets one kind stays, which LibreOffice does not start
without: a stream of this machine to listen on. It leads nowhere, for nothing connects or sends.

Sources: as of `seccomp`, and `Documentation/userspace-api/landlock.rst`, "Filesystem flags".
"""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass

from workers.sandbox.seccomp import (
    ALLOW,
    AND,
    ARGUMENTS,
    DENY,
    EQUAL,
    LOAD,
    Instruction,
    Machine,
    argument,
    for_both,
    machine,
    set_filter,
    when,
)

_FCNTL = (0, 1, 2, 3, 4, 5, 6, 7, 1030)  # copies, flags and locks; none that names another process
_AF_UNIX, _STREAM = 1, 1


@dataclass(frozen=True)
class _Numbers:
    """The calls beyond the strict list, and those of them that are looked at more closely.

    `access` is the call of libc's function of that name, `access_mode` the place of its mode.
    """

    allowed: tuple[int, ...]
    prlimit: int
    socket: int
    openat: int
    access: int
    access_mode: int


# On paths: newfstatat statx faccessat2 readlinkat mkdirat unlinkat renameat renameat2 getdents64
# statfs fstatfs getcwd; on files: pwrite64 ftruncate fallocate fsync fdatasync fadvise64 dup3 pipe2
# eventfd2; on itself: execve set_tid_address uname getrlimit umask mlock munlock mincore msync; on
# a socket: bind listen accept shutdown; on x86-64 also the older forms stat lstat readlink mkdir
# rmdir unlink rename dup2, and arch_prctl.
NUMBERS = {
    "x86_64": _Numbers(
        allowed=(
            *(262, 332, 439, 267, 258, 263, 264, 316, 217, 137, 138, 79),
            *(18, 77, 285, 74, 75, 221, 292, 293, 290),
            *(59, 218, 63, 97, 95, 149, 150, 27, 26),
            *(49, 50, 43, 48),
            *(4, 6, 89, 83, 84, 87, 82, 33, 158),
        ),
        prlimit=302,
        socket=41,
        openat=257,
        access=21,
        access_mode=1,
    ),
    "aarch64": _Numbers(
        allowed=(
            *(79, 291, 439, 78, 34, 35, 38, 276, 61, 43, 44, 17),
            *(68, 46, 47, 82, 83, 223, 24, 59, 19),
            *(221, 96, 160, 163, 166, 228, 229, 232, 227),
            *(200, 201, 202, 210),
        ),
        prlimit=261,
        socket=198,
        openat=56,
        access=48,
        access_mode=2,
    ),
}


def program(target: Machine, numbers: _Numbers, pid: int) -> list[Instruction]:
    """Build the filter for a process `pid`: all else than the list answers EPERM."""
    rules = for_both(target, pid)
    for number in (target.mmap, target.mprotect, *numbers.allowed):
        rules += when(number, ALLOW)
    commands = [one for command in _FCNTL for one in ((EQUAL, 0, 1, command), ALLOW)]
    rules += when(target.fcntl, argument(1), *commands, DENY)
    # Its own limits, and only to read them: no process named, and nothing to set.
    nothing = [
        one
        for word in (0, 4, 5)  # halves of 32 bits: whose limits, and where the new ones are
        for one in ((LOAD, 0, 0, ARGUMENTS + 4 * word), (EQUAL, 1, 0, 0), DENY)
    ]
    rules += when(numbers.prlimit, *nothing, ALLOW)
    # The one way to cut a file short that Landlock does not see before its version 3.
    cut = (argument(2), (AND, 0, 0, os.O_ACCMODE | os.O_TRUNC), (EQUAL, 0, 1, os.O_TRUNC))
    rules += when(numbers.openat, *cut, DENY, ALLOW)
    # No path is writable by the mere look of it: the listening stream would be made in /tmp.
    mode = argument(numbers.access_mode)
    rules += when(numbers.access, mode, (EQUAL, 0, 1, os.W_OK), DENY, ALLOW)
    listening = (argument(0), (EQUAL, 1, 0, _AF_UNIX), DENY, argument(1), (EQUAL, 1, 0, _STREAM))
    rules += when(numbers.socket, *listening, DENY, ALLOW)
    return [*rules, DENY]


def install(pid: int) -> None:
    """Bind every thread of this process `pid`, and what it becomes by exec, to the list.

    Raises NoSeccomp when the kernel refuses. no_new_privs must be set before.
    """
    target = machine()
    set_filter(target, program(target, NUMBERS[platform.machine()], pid))
