"""SQLite databases for tests: migrated once, copied for each test."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from uploads.records.migrate import upgrade


def migrated_sqlite(path: Path) -> str:
    """Put an empty database with the newest schema at `path`; returns its URL."""
    path.write_bytes(_template())
    return f"sqlite:///{path}"


@cache
def _template() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.db"
        upgrade(f"sqlite:///{path}")
        return path.read_bytes()
