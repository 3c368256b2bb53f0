"""The list of system calls that a confined cell may still make, and the filter that holds it.

An allow-list: what a parser needs to compute on memory and to write its reply. There is no call
on it that takes a path, opens anything, makes a process or touches another one, so nothing here
depends on which kernel features the host happens to have. Knows nothing of tasks or files.

Sources: seccomp(2), the kernel's `Documentation/userspace-api/seccomp_filter.rst`, and the
numbers in `arch/x86/entry/syscalls/syscall_64.tbl` and `include/uapi/asm-generic/unistd.h`.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from dataclasses import dataclass

_SECCOMP_SET_MODE_FILTER = 1
_FILTER_FLAG_TSYNC = 1  # threads that were started during warm-up are bound as well
_RET_KILL_PROCESS = 0x80000000
_RET_ERRNO = 0x00050000
_RET_ALLOW = 0x7FFF0000

# Classic BPF: load a word of seccomp_data, compare with a constant, mask, return.
LOAD, EQUAL, AND, _RETURN = 0x20, 0x15, 0x54, 0x06
_NUMBER, _ARCH, ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data; arguments are 64-bit each

# A thread of this process and nothing else: CLONE_VM, _SIGHAND and _THREAD must be set, and none
# of the namespace flags, nor PTRACE, VFORK, PARENT.
_THREAD = 0x00000100 | 0x00000800 | 0x00010000
_NOT_A_THREAD = 0x7E020000 | 0x00000080 | 0x00002000 | 0x00004000 | 0x00008000
_AT_EMPTY_PATH = 0x1000
_PR_SET_NAME = 15
_F_DUPFD_CLOEXEC = 1030
_PROT_EXEC = 4

Instruction = tuple[int, int, int, int]


@dataclass(frozen=True)
class Machine:
    """What differs between processors: the audit number and the numbers of the calls."""

    audit: int
    seccomp: int
    clone: int
    clone3: int
    tgkill: int
    prctl: int
    fcntl: int
    recvmsg: int
    fstat_by_name: int
    mmap: int
    mprotect: int
    allowed: tuple[int, ...]


# In both: read write close fstat lseek munmap brk rt_sigaction rt_sigprocmask rt_sigreturn pread64
# readv writev ppoll sched_yield mremap madvise dup nanosleep clock_nanosleep getpid gettid exit
# exit_group getrusage clock_gettime clock_getres gettimeofday futex sched_getaffinity
# set_robust_list restart_syscall sigaltstack getrandom rseq sysinfo membarrier getuid geteuid
# getgid getegid getresuid getresgid capget; on x86-64 also poll and time.
MACHINES = {
    "x86_64": Machine(
        audit=0xC000003E,
        seccomp=317,
        clone=56,
        clone3=435,
        tgkill=234,
        prctl=157,
        fcntl=72,
        recvmsg=47,
        fstat_by_name=262,
        mmap=9,
        mprotect=10,
        allowed=(
            *(0, 1, 3, 5, 8, 11, 12, 13, 14, 15, 17, 19, 20, 271, 24, 25, 28, 32, 35, 230, 39, 186),
            *(60, 231, 98, 228, 229, 96, 202, 204, 273, 219, 131, 318, 334, 99, 324),
            *(102, 107, 104, 108, 118, 120, 125, 7, 201),
        ),
    ),
    "aarch64": Machine(
        audit=0xC00000B7,
        seccomp=277,
        clone=220,
        clone3=435,
        tgkill=131,
        prctl=167,
        fcntl=25,
        recvmsg=212,
        fstat_by_name=79,
        mmap=222,
        mprotect=226,
        allowed=(
            *(63, 64, 57, 80, 62, 215, 214, 134, 135, 139, 67, 65, 66, 73, 124, 216, 233, 23, 101),
            *(115, 172, 178, 93, 94, 165, 113, 114, 169, 98, 123, 99, 128, 132, 278, 293, 179, 283),
            *(174, 175, 176, 177, 148, 150, 90),
        ),
    ),
}


class NoSeccomp(Exception):
    """Raised when this kernel or processor cannot hold the filter."""


def machine() -> Machine:
    """Return the call numbers of this processor; raises NoSeccomp for one without a table."""
    name = platform.machine()
    if name not in MACHINES:
        raise NoSeccomp(f"no table of system calls for {name}")
    return MACHINES[name]


def when(number: int, *rules: Instruction) -> list[Instruction]:
    """Instructions for one call; they end in a verdict, and other calls jump over them."""
    return [(EQUAL, 0, len(rules), number), *rules]


def argument(index: int) -> Instruction:
    """Load the lower half of an argument: the kernel reads these arguments as 32-bit as well."""
    return (LOAD, 0, 0, ARGUMENTS + 8 * index)


ALLOW: Instruction = (_RETURN, 0, 0, _RET_ALLOW)
DENY: Instruction = (_RETURN, 0, 0, _RET_ERRNO | errno.EPERM)
_ABSENT: Instruction = (_RETURN, 0, 0, _RET_ERRNO | errno.ENOSYS)


def program(target: Machine, pid: int, desk: int | None = None) -> list[Instruction]:
    """Build the filter for a process `pid`: all else than the list answers EPERM.

    Only from the descriptor `desk` it may receive others.
    """
    rules = for_both(target, pid)
    if desk is not None:
        rules += when(target.recvmsg, argument(0), (EQUAL, 0, 1, desk), ALLOW, DENY)
    # Python's mmap copies its descriptor; F_SETOWN and the like would send signals to others.
    rules += when(target.fcntl, argument(1), (EQUAL, 0, 1, _F_DUPFD_CLOEXEC), ALLOW, DENY)
    # libc before 2.39 asks for a descriptor's size by this call with an empty name.
    rules += when(target.fstat_by_name, argument(3), (EQUAL, 0, 1, _AT_EMPTY_PATH), ALLOW, DENY)
    for number in (target.mmap, target.mprotect):  # no new code after warm-up
        rules += when(number, argument(2), (AND, 0, 0, _PROT_EXEC), (EQUAL, 0, 1, 0), ALLOW, DENY)
    return [*rules, DENY]


def for_both(target: Machine, pid: int) -> list[Instruction]:
    """The rules of every list, ours for tasks and the one for programs of others."""
    rules: list[Instruction] = [
        (LOAD, 0, 0, _ARCH),
        (EQUAL, 1, 0, target.audit),  # a 32-bit call has other numbers: no way round the list
        (_RETURN, 0, 0, _RET_KILL_PROCESS),
        (LOAD, 0, 0, _NUMBER),
    ]
    for number in target.allowed:
        rules += when(number, ALLOW)
    rules += when(
        target.clone,
        *(argument(0), (AND, 0, 0, _THREAD | _NOT_A_THREAD), (EQUAL, 0, 1, _THREAD)),
        *(ALLOW, DENY),
    )
    # Its flags lie behind a pointer, which a filter cannot read: ENOSYS makes libc use clone.
    rules += when(target.clone3, _ABSENT)
    # abort() signals its own thread; another process is out of reach.
    rules += when(target.tgkill, argument(0), (EQUAL, 0, 1, pid), ALLOW, DENY)
    rules += when(target.prctl, argument(0), (EQUAL, 0, 1, _PR_SET_NAME), ALLOW, DENY)
    return rules


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("rules", ctypes.c_char_p))


def install(desk: int | None = None) -> None:
    """Bind every thread of this process to the list, for good; `desk` is what `program`'s is.

    Raises NoSeccomp when the kernel refuses. no_new_privs must be set before.
    """
    target = machine()
    set_filter(target, program(target, os.getpid(), desk))


def set_filter(target: Machine, rules: list[Instruction]) -> None:
    """Bind every thread of this process to a filter. Raises NoSeccomp."""
    packed = b"".join(struct.pack("=HBBI", *rule) for rule in rules)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    answer = libc.syscall(
        ctypes.c_long(target.seccomp),
        ctypes.c_ulong(_SECCOMP_SET_MODE_FILTER),
        ctypes.c_ulong(_FILTER_FLAG_TSYNC),
        ctypes.byref(_Program(len(rules), packed)),
    )
    if answer != 0:
        reason = os.strerror(ctypes.get_errno()) if answer < 0 else f"thread {answer} not bound"
        raise NoSeccomp(f"seccomp filter refused: {reason}")
