"""What a child gives up, for good, before it reads one byte of a stranger's file.

The order matters: rights first, then the identity (which clears the tie to the parent and the
dumpable flag, so these come after), then the locks, which forbid the calls used here. A step that
fails raises, and the child ends unused: there is no weaker cell. Knows nothing of tasks.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from workers.sandbox import landlock, program_calls, seccomp
from workers.sandbox.premises import Premises

NOBODY = 65534
_UNKNOWN_ADDRESS_SPACE = 64 << 30  # on a system that does not tell it

_PROT_READ, _PROT_EXEC = 1, 4
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT, _CLEAR_ALL = 47, 4
_CAP_VERSION_3 = 0x20080522


class NotConfined(Exception):
    """Raised when a step towards the confined state did not hold."""


@dataclass(frozen=True)
class Limits:
    """What one file may cost: processor seconds, and bytes of memory beyond the libraries'.

    And bytes of a file that it writes, and how many it has open.
    """

    cpu_seconds: int
    memory_bytes: int
    file_bytes: int = 0
    open_files: int = 16


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent dies, also if that is already so.

    Raises NotConfined when `parent` is not the parent any more.
    """
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise NotConfined("the parent is gone")


def confine(
    limits: Limits, parent: int, code: Iterable[tuple[int, int]], desk: int | None = None
) -> None:
    """Give up identity, files, network, processes and new memory beyond the limits.

    `code` is `writable_code` of this process, or of the one that it was forked from unchanged.
    `desk` is a descriptor by which it may be handed further files.
    Raises NotConfined, seccomp.NoSeccomp or OSError; the process must then end.
    """
    bound(limits)
    _seal(code)
    _give_up_power(parent)
    landlock.deny_all()
    seccomp.install(desk)


def confine_to(premises: Premises, limits: Limits, parent: int) -> None:
    """The same for a program of others, which keeps its premises.

    What it becomes by exec is bound as well. Raises landlock.NoLandlock, and as `confine` does.
    """
    openings = premises.enter()
    bound(limits)
    _give_up_power(parent)
    landlock.deny_all_but(openings)
    for descriptor, _ in openings:
        os.close(descriptor)
    program_calls.install(os.getpid())


def _seal(code: Iterable[tuple[int, int]]) -> None:
    """Take the right to write from memory that can be run: libffi leaves such a page behind.

    New one cannot be had afterwards: the list of calls denies it. Raises NotConfined.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    for start, end in code:
        length = ctypes.c_size_t(end - start)
        if libc.mprotect(ctypes.c_void_p(start), length, _PROT_READ | _PROT_EXEC) != 0:
            raise NotConfined(f"memory stays writable: {os.strerror(ctypes.get_errno())}")


def writable_code() -> list[tuple[int, int]]:
    """Start and end of all memory of this process that can be written and run (proc(5))."""
    lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    found = (line.split()[:2] for line in lines)
    ranges = (place.split("-") for place, rights in found if rights[1:3] == "wx")
    return [(int(start, 16), int(end, 16)) for start, end in ranges]


def _give_up_power(parent: int) -> None:
    _drop_capabilities()
    _prctl(_PR_SET_DUMPABLE, 0)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    die_with(parent)


def bound(limits: Limits) -> None:
    """The part that every Unix has: less than root, and not more than its share.

    All there is in a cell that an operator called unconfined. Raises NotConfined or OSError.
    """
    _limit(limits)
    _drop_root()


def be_first_to_go() -> None:
    """Short of memory, the kernel shall take the cell and not the worker; children inherit it."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def _limit(limits: Limits) -> None:
    """Set hard limits.

    RLIMIT_NPROC is left alone: it counts all processes of a uid on the host, so it would fail
    threads here because of somebody else's processes. The filter denies new processes instead.
    """
    # The soft limit signals (SIGXCPU, which ends the process and says why), the hard one kills.
    _set("CPU", limits.cpu_seconds, limits.cpu_seconds + 1)
    memory = _address_space() + limits.memory_bytes
    _set("AS", memory, memory)
    _set("FSIZE", limits.file_bytes, limits.file_bytes)
    _set("NOFILE", limits.open_files, limits.open_files)
    for kind in ("CORE", "MEMLOCK", "MSGQUEUE"):
        _set(kind, 0, 0)


def _set(name: str, soft: int, hard: int) -> None:
    """Set a limit, or a stricter one that the process already has.

    A system that does not know it is no Linux, and has nothing but an unconfined cell anyway.
    """
    kind = getattr(resource, f"RLIMIT_{name}", None)
    if kind is None:
        return
    ceiling = resource.getrlimit(kind)[1]
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    resource.setrlimit(kind, (soft, hard))


def _address_space() -> int:
    """Bytes of address space in use: after warm-up, what interpreter and libraries take.

    Read with as little of Python as can be: each page that a forked child touches is copied.
    """
    try:
        statm = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return _UNKNOWN_ADDRESS_SPACE
    try:
        pages = int(os.read(statm, 200).split()[0])
    finally:
        os.close(statm)
    return pages * resource.getpagesize()


def _drop_root() -> None:
    """Become nobody when root; refuse to go on with any identity that is still root."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    if 0 in (*os.getresuid(), *os.getresgid()):
        raise NotConfined("still root")


def _drop_capabilities() -> None:
    """Let go of capabilities that an operator gave to a worker without root (capset(2))."""
    _prctl(_PR_CAP_AMBIENT, _CLEAR_ALL)
    header = (ctypes.c_uint32 * 2)(_CAP_VERSION_3, 0)
    none = (ctypes.c_uint32 * 6)()
    if ctypes.CDLL(None, use_errno=True).capset(ctypes.byref(header), none) != 0:
        raise NotConfined(f"capabilities kept: {os.strerror(ctypes.get_errno())}")


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        raise NotConfined(f"prctl {option}: {os.strerror(ctypes.get_errno())}")
