"""What is written out of the settings themselves: docs/configuration.md and .env.example.

`python -m uploads.config_page` writes the first to standard output, with `env` the second.
"""

from __future__ import annotations

import sys
from textwrap import wrap
from typing import Any

from pydantic import SecretStr

from uploads import config_files
from uploads.config import Settings

_INTRODUCTION = """# Configuration

Every setting is an environment variable. Sources, strongest first: the environment, the file
`.env` in the current directory, and `stack.env` in the data directory, which the embedded stack
writes (generated secrets, and what else it was started with). This page and
[.env.example](../.env.example) are generated from `uploads/config.py` by `make docs`; a test fails
when they are out of date. A variable that begins with `UPLOADS_` and is not listed here is refused:
a limit with a misspelt name would be no limit.
A value that is wrong ends the start with its name and the reason; an empty one (`UPLOADS_X=`) is as
if it were not there.

Secrets, and addresses that may hold one, can come out of files as well. Each of these names a file
whose one line is the value; given in both ways it is refused, and so is a file that cannot be read,
is empty or has more lines:
{files}.
How a secret is changed while the service runs: [operations.md](operations.md#rotate).

| Variable | Default | Meaning |
|---|---|---|
"""

_EXAMPLE = """\
# Every setting with its default. Copy this file to .env and take the `#` from what you change;
# a laptop needs none of it. Stronger than .env: UPLOADS_* variables of the environment. Weaker:
# stack.env in the data folder, which `make run` writes. The same as a table: docs/configuration.md.
# Generated from uploads/config.py by `make docs`.
"""
_WIDTH = 100


def page() -> str:
    """docs/configuration.md."""
    rows = [_row(name, field) for name, field in Settings.model_fields.items()]
    files = ", ".join(f"`UPLOADS_{name.upper()}_FILE`" for name in config_files.NAMES)
    introduction = _INTRODUCTION.format(files="\n".join(wrap(files, _WIDTH)))
    return introduction + "\n".join(rows) + "\n"


def example() -> str:
    """.env.example: every line of it is a comment."""
    return _EXAMPLE + "".join(_entry(name, field) for name, field in Settings.model_fields.items())


def _row(name: str, field: Any) -> str:
    default = _default(field)
    shown = f"`{default}`" if default else ""
    meaning = (field.description or "").replace("|", "\\|")
    return f"| `UPLOADS_{name.upper()}` | {shown} | {meaning} |"


def _entry(name: str, field: Any) -> str:
    lines = [f"# {line}" for line in wrap(field.description or "", _WIDTH - 2)]
    lines.append(f"#UPLOADS_{name.upper()}={_default(field)}")
    if name in config_files.NAMES:
        lines.append(f"#UPLOADS_{name.upper()}_FILE=/run/secrets/{name}")
    return "\n" + "\n".join(lines) + "\n"


def _default(field: Any) -> str:
    """A setting's default as the environment would give it; empty where it is nothing."""
    default = field.default
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    if isinstance(default, tuple):
        default = ",".join(_range(part) for part in default)
    return "" if default is None else str(default)


def _range(ports: tuple[int, int]) -> str:
    first, last = ports
    return str(first) if first == last else f"{first}-{last}"


if __name__ == "__main__":
    sys.stdout.write(example() if sys.argv[1:] == ["env"] else page())
