"""YARA rules, ours and an operator's: compiled as a whole or not at all, and named by their digest.

A rule that does not compile is an error at start, never a rule that is silently absent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import yara_x

RULES_DIR = Path(__file__).parent / "rules"


class RulesBroken(Exception):
    """Raised when the rules cannot be read or do not compile; says which file and why."""


def digest(*folders: Path) -> str:
    """Return a short hash of all rule files, names and order included. Raises: RulesBroken."""
    seen = hashlib.sha256()
    for name, text in _sources(folders):
        seen.update(f"{name}\0{len(text)}\0{text}".encode())
    return seen.hexdigest()[:12]


def compile_rules(*folders: Path) -> yara_x.Rules:
    """Compile every `*.yar` file in these folders. Raises: RulesBroken."""
    compiler = yara_x.Compiler()
    compiler.define_global("kind", "")
    compiler.define_global("within", "")
    compiler.define_global("first", True)
    for name, text in _sources(folders):
        try:
            compiler.add_source(text, origin=name)
        except yara_x.CompileError as error:
            raise RulesBroken(f"{name}: {error}") from error
    return compiler.build()


def _sources(folders: Iterable[Path]) -> list[tuple[str, str]]:
    return [source for folder in folders for source in _sources_in(folder)]


def _sources_in(rules_dir: Path) -> list[tuple[str, str]]:
    # Whoever reads of it has to know which setting named the folder.
    whose = f"{rules_dir}" if rules_dir == RULES_DIR else f"UPLOADS_YARA_RULES: {rules_dir}"
    try:
        sources = [(path.name, path.read_text("utf-8")) for path in sorted(rules_dir.glob("*.yar"))]
    except (OSError, UnicodeDecodeError) as error:
        raise RulesBroken(f"{whose}: {error}") from error
    if not sources:
        raise RulesBroken(f"{whose}: no rules")
    return sources
