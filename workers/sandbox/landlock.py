"""A second lock on the file system, where the kernel has Landlock.

The list of system calls already holds none that opens a path. This one stands behind it, in
other kernel code, and denies every file and TCP right there is. Absence is not an error. For a
program that must open paths it is the only lock on files, and then absence is one.

Source: `Documentation/userspace-api/landlock.rst`. The call numbers are the same on all machines.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Iterable

_CREATE_RULESET, _RESTRICT_SELF = 444, 446
_ASK_VERSION = 1

# Rights known to each version of the interface; one that the kernel does not know is an error.
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_ALL_TCP, _ALL_SCOPES = 0b11, 0b11  # since versions 4 and 6

_ADD_RULE, _PATH_BENEATH = 445, 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE, _MAKE = 1 << 4 | 1 << 5, 1 << 7 | 1 << 8 | 1 << 9  # folders, files, sockets
_MOVE, _TRUNCATE = 1 << 13, 1 << 14  # since versions 2 and 3

READ = _READ_FILE | _READ_DIR
RUN = _READ_FILE | _EXECUTE
OWN = READ | _WRITE_FILE | _REMOVE | _MAKE | _MOVE | _TRUNCATE
_OF_A_FILE = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE

Opening = tuple[int, int]  # a descriptor of a file or a folder, and the rights that stay below it


class NoLandlock(Exception):
    """Raised when this kernel cannot bound the paths of a program that must open some."""


def rights(version: int) -> bytes:
    """Return the kernel's `landlock_ruleset_attr` that handles, and so denies, everything."""
    files = _files(version)
    if version < 4:
        return struct.pack("=Q", files)
    if version < 6:
        return struct.pack("=QQ", files, _ALL_TCP)
    return struct.pack("=QQQ", files, _ALL_TCP, _ALL_SCOPES)


def _files(version: int) -> int:
    """All rights on files that a version knows."""
    return int((1 << _FILE_RIGHTS[min(version, max(_FILE_RIGHTS))]) - 1)


def deny_all() -> int:
    """Deny this thread, and threads it starts, all paths and TCP; return the version, 0 if none.

    Raises OSError when the kernel has Landlock but refuses. no_new_privs must be set before.
    """
    if _version() < 1:
        return 0
    return deny_all_but(())


def deny_all_but(openings: Iterable[Opening]) -> int:
    """Deny all but these openings, and TCP; return the version.

    Version 2 is the first that lets files be moved between folders. Raises NoLandlock below it
    when there are openings, and OSError when the kernel refuses.
    """
    version, openings = _version(), list(openings)
    if openings and version < 2:
        raise NoLandlock(f"Landlock version {version}, and 2 is needed")
    wanted = rights(version)
    ruleset = _call(_CREATE_RULESET, wanted, len(wanted), 0)
    for descriptor, kept in openings:
        kept &= _files(version)
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            kept &= _OF_A_FILE
        _call(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", kept, descriptor), 0)
    _call(_RESTRICT_SELF, ruleset, 0)
    # The ruleset's descriptor stays open on purpose: it can do nothing, and the limit of open
    # files counts it.
    return version


def _version() -> int:
    """The version of the interface, 0 where there is none."""
    try:
        return _call(_CREATE_RULESET, None, 0, _ASK_VERSION)
    except OSError:
        return 0


def _call(number: int, *arguments: int | bytes | None) -> int:
    """Make a system call. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    words = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    answer = int(libc.syscall(ctypes.c_long(number), *words))
    if answer < 0:
        raise OSError(ctypes.get_errno(), f"landlock refused: {os.strerror(ctypes.get_errno())}")
    return answer
