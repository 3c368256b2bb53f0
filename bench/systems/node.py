"""Where Node is."""

from __future__ import annotations

import shutil
from pathlib import Path

_OWN = Path(__file__).parents[2] / ".tools" / "node" / "shims" / "node"


def node() -> str:
    """Node of the machine or the one that the front end is built with, as in the Makefile.

    Raises FileNotFoundError.
    """
    found = str(_OWN) if _OWN.exists() else shutil.which("node")
    if found is None:
        raise FileNotFoundError("Node was not found: `make bench` fetches it.")
    return found
