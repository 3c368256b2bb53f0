"""The cell's self-test: a task that tries to break out by every way we know.

Each probe answers `denied`, or `succeeded` with what it saw. It asks for properties, not for
mechanisms: any lock that denies is good. What is harmless to try for real is tried for real.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import platform
import resource
import signal
import socket
import struct
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from workers.sandbox import confinement

# Numbers on x86-64 and on aarch64 of what libc does not wrap, or wraps in more than one call.
_CALLS = {
    "recvmsg": (47, 212),  # from what is no desk
    "mount": (165, 40),
    "keyctl": (250, 219),
    "unshare": (272, 97),
    "perf_event_open": (298, 241),
    "open_by_handle_at": (304, 265),
    "setns": (308, 268),
    "process_vm_readv": (310, 270),
    "memfd_create": (319, 279),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "pidfd_open": (434, 434),
    "clone3": (435, 435),
    "openat2": (437, 437),
    "shmget": (29, 194),
}
_MACHINES = ("x86_64", "aarch64")
_DENIALS = {errno.EPERM, errno.EACCES, errno.ENOSYS}
_KNOWN_ENVIRONMENT = {"LC_ALL", "LC_CTYPE", "MALLOC_ARENA_MAX"}
_PTRACE_SEIZE = 0x4206
_CAP_VERSION_3 = 0x20080522
_LIBC = ctypes.CDLL(None, use_errno=True)


_template: list[int] = []
_code: list[tuple[int, int]] = []


def warm_up(options: dict[str, Any]) -> None:
    """Note who the template is, and what of its memory could be written and run."""
    _template[:] = [os.getpid()]
    _code[:] = confinement.writable_code()


def run(file: BinaryIO, options: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Try every probe; the result names each with its word."""
    others = {"worker": int(options["worker"]), "template": _template[0]}
    probes = [*_probes(), *(one for who, pid in others.items() for one in _against(who, pid))]
    return {name: word(probe) for name, probe in probes}, b""


def word(probe: Callable[[], object]) -> str:
    """Try one probe: `denied`, or what came of it."""
    try:
        seen = probe()
    except MemoryError:
        return "denied"
    except OSError as error:
        kind = errno.errorcode.get(error.errno or 0, "?")
        return "denied" if error.errno in _DENIALS else f"reached the kernel: {kind}"
    return "denied" if seen is None else f"succeeded: {str(seen)[:40]}"


def _probes() -> Iterator[tuple[str, Callable[[], object]]]:
    for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, socket.AF_NETLINK):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            yield f"{family.name} {kind.name}", partial(socket.socket, family, kind)
    yield "connect", lambda: checked(_LIBC.connect(0, b"\2\0\0\x50\x7f\0\0\1" + bytes(8), 16))
    yield "open /etc/passwd", lambda: Path("/etc/passwd").read_bytes()
    yield "open own memory", lambda: os.open("/proc/self/mem", os.O_RDWR)
    yield "list /", lambda: os.listdir("/")  # noqa: PTH208 - one call, not a lazy iterator
    yield "stat /etc/passwd", lambda: os.stat("/etc/passwd")  # noqa: PTH116 - the bare call
    yield "write a file", lambda: os.open("/tmp", os.O_TMPFILE | os.O_WRONLY)  # noqa: S108
    yield "write a gigabyte", lambda: os.posix_fallocate(0, 0, 1 << 30)
    yield "own environment", _strange_environment
    yield "be root", lambda: "root" if 0 in (*os.getresuid(), *os.getresgid()) else None
    yield "keep capabilities", _capabilities
    yield "fork by libc", _fork
    yield "a fork bomb", _bomb
    yield "exec", lambda: os.execve("/no-such-program", ["none"], {})  # noqa: S606
    yield "kill 1", lambda: checked(_LIBC.kill(1, 0))
    yield "be a debuggee again", lambda: checked(_LIBC.prctl(4, ctypes.c_ulong(1), 0, 0, 0))
    yield "new code", lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC)
    yield "changed code", _change_code
    yield "a terabyte of memory", lambda: _memory(1 << 40)
    yield "raise a limit", _raise_limit
    for name, numbers in _CALLS.items():
        yield name, partial(_raw_call, numbers[_MACHINES.index(platform.machine())])


def _against(who: str, pid: int) -> Iterator[tuple[str, Callable[[], object]]]:
    """What a child must not do to another process of ours."""
    yield f"open the {who}'s environment", lambda: Path(f"/proc/{pid}/environ").read_bytes()
    yield f"kill the {who}", lambda: checked(_LIBC.kill(pid, 0))
    yield f"kill the {who}'s thread", lambda: checked(_LIBC.tgkill(pid, pid, 0))
    yield f"ptrace the {who}", lambda: checked(_LIBC.ptrace(_PTRACE_SEIZE, pid, None, None))


def _strange_environment() -> str | None:
    strange = {n for n in os.environ if n not in _KNOWN_ENVIRONMENT and not n.startswith("VIPS_")}
    return ",".join(sorted(strange)) or None


def _capabilities() -> str | None:
    kept = (ctypes.c_uint32 * 6)()
    checked(_LIBC.capget(ctypes.byref((ctypes.c_uint32 * 2)(_CAP_VERSION_3, 0)), kept))
    return "some" if any(kept) else None


def _fork() -> int:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return child


def _bomb() -> str | None:
    """Fork as fast as it goes; each child waits, so that the count tells how many there were."""
    children = []
    try:
        for _ in range(64):
            child = os.fork()
            if child == 0:
                signal.pause()
                os._exit(0)
            children.append(child)
    except OSError:
        pass
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return f"{len(children)} processes" if children else None


def _change_code() -> str | None:
    """Have the kernel write where code is: it answers EFAULT where a write of ours would crash."""
    for start, _ in _code:
        if _LIBC.pread(0, ctypes.c_void_p(start), ctypes.c_size_t(1), ctypes.c_long(0)) == 1:
            return "written"
    return None


def _memory(size: int) -> str | None:
    try:
        mmap.mmap(-1, size).close()
    except OSError:
        return None
    return "mapped"


def _raise_limit() -> int:
    return checked(_LIBC.setrlimit(resource.RLIMIT_NOFILE, struct.pack("QQ", 99, 99)))


def _raw_call(number: int) -> int:
    """Make a system call with arguments that would do no harm if it got through."""
    return checked(_LIBC.syscall(ctypes.c_long(number), None, None, None, None, None, None))


def checked(answer: int) -> int:
    """Turn libc's -1 into an OSError."""
    if answer == -1:
        raise OSError(ctypes.get_errno(), "denied")
    return answer
