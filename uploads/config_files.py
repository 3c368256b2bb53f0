"""Settings that come out of files: each secret, and each address that may hold a password.

Container platforms hand secrets over as files; a file is in no list of processes, no crash report
and no environment of a child. Errors name the variable and the file, never what is in it. Used by
`uploads.config` alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

NAMES = (
    "metrics_token",
    "secret_key",
    "secret_keys_old",
    "database_url",
    "redis_url",
    "s3_access_key",
    "s3_secret_key",
)
"""The settings that may be given as `UPLOADS_<NAME>_FILE`."""

VARIABLES = frozenset(f"UPLOADS_{name.upper()}_FILE" for name in NAMES)
_MOST_BYTES = 64 * 1024


def read(given: Mapping[str, str]) -> dict[str, str]:
    """The settings that `given` (variables in upper case) names files for.

    Of a file's end one line break is left out, the rest is the value. Raises ValueError where a
    file cannot be read, is empty or has more than one line, or the value is given as well.
    """
    found = {}
    for name in NAMES:
        variable = f"UPLOADS_{name.upper()}"
        path = given.get(f"{variable}_FILE")
        if path is None:
            continue
        if given.get(variable):
            raise ValueError(f"{variable} and {variable}_FILE are both set: give one of them")
        found[name] = _value(f"{variable}_FILE", path)
    return found


def _value(variable: str, path: str) -> str:
    if not path:
        raise ValueError(f"{variable} names no file")
    try:
        with Path(path).open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ValueError(f"{variable}: {path!r} cannot be read: {error.strerror}") from error
    line = data.removesuffix(b"\n").removesuffix(b"\r")
    if not line:
        raise ValueError(f"{variable}: {path!r} is empty")
    if len(data) > _MOST_BYTES or b"\n" in line or b"\0" in line:
        raise ValueError(f"{variable}: {path!r} must hold one line of text and nothing else")
    try:
        return line.decode()
    except UnicodeDecodeError:
        # Without its cause, which quotes what it could not read.
        raise ValueError(f"{variable}: {path!r} is not UTF-8 text") from None
