"""Ports of loopback for what is started a moment later, by somebody else.

To ask the kernel for a free one and to close it again is a bet: until the port is used, an outgoing
connection or another run of the tests may be given it.
"""

from __future__ import annotations

import random
import socket

# Below those that Linux gives to outgoing connections (ip_local_port_range).
_PORTS = range(10_000, 30_000, 2)
_kept: list[socket.socket] = []


def free_port() -> int:
    """A port that is this process's own until it ends. The next higher one is so, too: the stack
    wishes it for its store."""
    while True:
        port = random.choice(_PORTS)
        if _is_kept(port) and _is_free(port) and _is_free(port + 1):
            return port


def _is_kept(port: int) -> bool:
    """Whether nobody else had it, by a name that ends with the process (unix(7), abstract)."""
    mark = socket.socket(socket.AF_UNIX)
    try:
        mark.bind(f"\0uploads-tests-{port}")
    except OSError:
        mark.close()
        return False
    _kept.append(mark)
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
