"""The file `stack.env` in the data folder: what the running stack was started with.

Every process on the same folder, the operator's commands included, reads it through `Settings`.
Its first part, the generated secrets, is kept from start to start; the rest is written anew.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
import tempfile
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dotenv import dotenv_values
from pydantic import SecretStr

from uploads import scanner
from uploads.config import Settings
from workers.embedded.part import StackError
from workers.embedded.preflight import free_port
from workers.embedded.private import write_private

# With the length of each in random bytes; an access key stands in signed addresses, so it is short.
_SECRETS = {"UPLOADS_SECRET_KEY": 32, "UPLOADS_S3_ACCESS_KEY": 10, "UPLOADS_S3_SECRET_KEY": 32}
_HEAD = "# Written by `uploads dev`: not to be edited. Generated once and kept:\n"
_THIS_RUN = "# Written anew at every start:\n"
# Settings of one process rather than of the stack.
_NOT_RECORDED = {"data", "fault"}
# sockaddr_un holds 108 bytes, the last of them a NUL.
_SOCKET_PATH_BYTES = 107


def given_settings() -> Settings:
    """The settings as the environment and `.env` give them, without what a start recorded."""
    return Settings.load(data=Path(os.devnull))


def write_stack_env(data: Path, given: Settings, port: int) -> None:
    """Write the file: secrets kept or made, this run's addresses, and what was given.

    What was given comes last and so wins, as it does in the process that was given it.
    """
    addresses = {
        "UPLOADS_PORT": str(port),
        "UPLOADS_REDIS_URL": f"unix://{quote(str(socket_path(data)))}",
        "UPLOADS_S3_ENDPOINT": f"http://127.0.0.1:{free_port(port + 1)}",
        # Looked for here and nowhere else: every process of this run goes by the same answer.
        "UPLOADS_CLAMD": scanner.decided(given.clamd),
    }
    recorded = {
        f"UPLOADS_{name.upper()}": _text(getattr(given, name))
        for name in sorted(given.model_fields_set - _NOT_RECORDED - {"port"})
    }
    file = data / "stack.env"
    kept = _lines(_secrets(file))
    write_private(file, _HEAD + kept + _THIS_RUN + _lines({**addresses, **recorded}))


def socket_path(data: Path) -> Path:
    """Where the embedded Redis listens: in the data folder, unless its path is too long.

    Raises StackError when the short folder in its place belongs to somebody else.
    """
    path = data / "redis.sock"
    if len(os.fsencode(path)) <= _SOCKET_PATH_BYTES:
        return path
    name = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"uploads-{os.getuid()}-{name}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise StackError(f"{folder} is not a folder of this user alone: remove it.")
    return folder / "redis.sock"


def _secrets(file: Path) -> dict[str, str]:
    """The generated secrets of an earlier start, completed by new ones."""
    text = file.read_text() if file.exists() else ""
    known = dotenv_values(stream=StringIO(text.partition(_THIS_RUN)[0]), interpolate=False)
    return {name: known.get(name) or secrets.token_hex(n) for name, n in _SECRETS.items()}


def _lines(values: Mapping[str, str]) -> str:
    return "".join(f"{name}={_quoted(value)}\n" for name, value in values.items())


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _member(part: Any) -> str:
    """A name, or a range of ports; sizes by name are written in bytes."""
    if not isinstance(part, tuple):
        return str(part)
    first, last = part
    return f"{first}={last}" if isinstance(first, str) else f"{first}-{last}"


def _text(value: Any) -> str:
    """A setting as the environment would give it."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, tuple):
        return ",".join(_member(part) for part in value)
    if isinstance(value, Path):
        return str(value.absolute())
    return "" if value is None else str(value)
