"""Whether there is a ClamAV, and whether it answers. Knows nothing of scanning: workers do that.

`find` is asked once for a whole stack, and every process is told what it found: were each to look
for itself, one that looks at a bad moment would publish files that no virus scanner saw.
"""

from __future__ import annotations

import socket

OFF = "off"
CEILING_BYTES = 2047 * 1024**2
"""The most whole mebibytes that ClamAV reads: of a file of 2 GiB − 2 it says OK at once."""
_SOCKETS = (
    "/run/clamav/clamd.ctl",
    "/var/run/clamav/clamd.ctl",
    "/run/clamd.scan/clamd.sock",
)
_SECONDS = 1.0


def find(configured: str | None) -> str | None:
    """The address of ClamAV: what is configured, else a usual socket that is served, else None.

    One that is served or configured and says nothing still counts: inspection waits for it.
    """
    if configured is not None:
        return None if configured.strip().lower() in {"", OFF} else configured
    return next((path for path in _SOCKETS if _served(path)), None)


def decided(configured: str | None) -> str:
    """What `find` found, as a setting for other processes: never empty, so they do not look."""
    return find(configured) or OFF


def ping(address: str) -> None:
    """Raises OSError or ValueError unless ClamAV answers at `/path` or `host:port` in a second."""
    with _connect(address) as peer:
        peer.sendall(b"zPING\0")
        reply = peer.recv(16)
    if not reply.startswith(b"PONG"):
        raise OSError(f"clamd answered PING with {reply!r}")


def _connect(address: str) -> socket.socket:
    if not address.startswith("/"):
        host, _, port = address.rpartition(":")
        return socket.create_connection((host.strip("[]"), int(port)), timeout=_SECONDS)
    peer = socket.socket(socket.AF_UNIX)
    try:
        peer.settimeout(_SECONDS)
        peer.connect(address)
    except OSError:
        peer.close()
        raise
    return peer


def _served(path: str) -> bool:
    """Whether somebody listens there, be it too busy to take us; not where we may never enter."""
    try:
        _connect(path).close()
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError, PermissionError):
        return False
    except OSError:
        return True
    return True
