"""Writes docs/configuration.md out of the settings themselves: `python -m uploads.config_page`."""

from __future__ import annotations

import sys
from typing import Any

from pydantic import SecretStr

from uploads.config import Settings

_INTRODUCTION = """# Configuration

Every setting is an environment variable. Sources, strongest first: the environment, the file
`.env` in the current directory, and `stack.env` in the data directory, which the embedded stack
writes (generated secrets, ports). This page is generated from `uploads/config.py` by `make docs`;
a test fails when it is out of date. A variable that begins with `UPLOADS_` and is not listed here
is refused: a limit with a misspelt name would be no limit.

| Variable | Default | Meaning |
|---|---|---|
"""


def page() -> str:
    """The whole page as Markdown."""
    rows = [_row(name, field) for name, field in Settings.model_fields.items()]
    return _INTRODUCTION + "\n".join(rows) + "\n"


def _row(name: str, field: Any) -> str:
    default = field.default
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    if field.metadata and isinstance(default, tuple) and default:
        default = ",".join(_range(part) for part in default)
    shown = "" if default in ("", None, ()) else f"`{default}`"
    meaning = (field.description or "").replace("|", "\\|")
    return f"| `UPLOADS_{name.upper()}` | {shown} | {meaning} |"


def _range(ports: tuple[int, int]) -> str:
    first, last = ports
    return str(first) if first == last else f"{first}-{last}"


if __name__ == "__main__":
    sys.stdout.write(page())
