"""Where the built front end lies: Vite's manifest, read once, turned into addresses.

Without a built front end the pages still work, plainly: no style, no script, and a line in the log.
"""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import structlog
from flask import url_for

_log = structlog.get_logger(__name__)


class Assets:
    """Looks up entries of the manifest below `folder`, which is served as `/static/dist`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def script(self, entry: str) -> str | None:
        """The address of an entry's script, or None when nothing was built."""
        found = self._manifest.get(entry)
        return self._address(found["file"]) if found else None

    def stylesheets(self, entry: str) -> list[str]:
        """The addresses of an entry's style sheets."""
        return [self._address(file) for file in self._manifest.get(entry, {}).get("css", [])]

    @staticmethod
    def _address(file: str) -> str:
        return url_for("static", filename=f"dist/{file}")

    @cached_property
    def _manifest(self) -> dict[str, dict[str, Any]]:
        path = self._folder / ".vite" / "manifest.json"
        try:
            found: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            _log.error("front_end_not_built", remedy="make run, or npm ci && npm run build")
            return {}
        return found
