"""A second lock on the file system, where the kernel has Landlock.

The list of system calls already holds none that opens a path. This one stands behind it, in
other kernel code, and denies every file and TCP right there is. Absence is not an error.

Source: `Documentation/userspace-api/landlock.rst`. The call numbers are the same on all machines.
"""

from __future__ import annotations

import ctypes
import struct

_CREATE_RULESET, _RESTRICT_SELF = 444, 446
_ASK_VERSION = 1

# Rights known to each version of the interface; one that the kernel does not know is an error.
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_ALL_TCP, _ALL_SCOPES = 0b11, 0b11  # since versions 4 and 6


def rights(version: int) -> bytes:
    """Return the kernel's `landlock_ruleset_attr` that handles, and so denies, everything."""
    files = (1 << _FILE_RIGHTS[min(version, max(_FILE_RIGHTS))]) - 1
    if version < 4:
        return struct.pack("=Q", files)
    if version < 6:
        return struct.pack("=QQ", files, _ALL_TCP)
    return struct.pack("=QQQ", files, _ALL_TCP, _ALL_SCOPES)


def deny_all() -> int:
    """Deny this thread, and threads it starts, all paths and TCP; return the version, 0 if none.

    Raises OSError when the kernel has Landlock but refuses. no_new_privs must be set before.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    call = ctypes.c_long
    version = int(libc.syscall(call(_CREATE_RULESET), None, call(0), call(_ASK_VERSION)))
    if version < 1:
        return 0
    wanted = rights(version)
    ruleset = libc.syscall(call(_CREATE_RULESET), wanted, call(len(wanted)), call(0))
    if ruleset < 0:
        raise OSError(ctypes.get_errno(), "landlock ruleset refused")
    if libc.syscall(call(_RESTRICT_SELF), call(ruleset), call(0)) != 0:
        raise OSError(ctypes.get_errno(), "landlock restriction refused")
    # The ruleset's descriptor stays open on purpose: it can do nothing, and the limit of open
    # files counts it.
    return version
