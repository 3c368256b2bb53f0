"""YARA rules, ours and an operator's: compiled as a whole or not at all, and named by their digest.

A rule that does not compile is an error at start, never a rule that is silently absent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yara_x

RULES_DIR = Path(__file__).parent / "rules"
_LONGEST_WORDS = 300
_ADVICE = "Mend this file or take it out of the folder"


class RulesBroken(Exception):
    """Raised when the rules cannot be read or do not compile.

    Its text is one line for the operator: which file, which line of it, why, and what to do.
    """


def digest(*folders: Path) -> str:
    """Return a short hash of all rule files, names and order included. Raises: RulesBroken."""
    seen = hashlib.sha256()
    for path, text in _sources(folders):
        seen.update(f"{path.name}\0{len(text)}\0{text}".encode())
    return seen.hexdigest()[:12]


def compile_rules(*folders: Path) -> yara_x.Rules:
    """Compile every `*.yar` file in these folders. Raises: RulesBroken."""
    compiler = yara_x.Compiler()
    compiler.define_global("kind", "")
    compiler.define_global("within", "")
    compiler.define_global("first", True)
    for path, text in _sources(folders):
        try:
            compiler.add_source(text, origin=path.name)
        except yara_x.CompileError as error:
            raise RulesBroken(_told(path, compiler, error)) from error
    return compiler.build()


def _told(path: Path, compiler: yara_x.Compiler, error: yara_x.CompileError) -> str:
    """One line of the many that the compiler says of its first error."""
    first: dict[str, Any] = next(iter(compiler.errors()), {})
    line = f", line {first['line']}" if first.get("line") else ""
    said = first.get("title") or str(error).partition("\n")[0]
    why = next((label["text"] for label in first.get("labels", ()) if label.get("text")), "")
    words = " ".join(f"{said} ({why})".split() if why else said.split())[:_LONGEST_WORDS]
    return f"{_named(path)}{line}: {words}. {_ADVICE}"


def _named(path: Path) -> str:
    """Whoever reads of it has to know which setting named the folder."""
    ours = path == RULES_DIR or path.parent == RULES_DIR
    return f"{path}" if ours else f"UPLOADS_YARA_RULES: {path}"


def _sources(folders: Iterable[Path]) -> list[tuple[Path, str]]:
    return [source for folder in folders for source in _sources_in(folder)]


def _sources_in(rules_dir: Path) -> list[tuple[Path, str]]:
    try:
        paths = sorted(rules_dir.glob("*.yar"))
    except OSError as error:
        raise RulesBroken(f"{_named(rules_dir)}: {error}") from error
    if not paths:
        raise RulesBroken(f"{_named(rules_dir)}: no rules")
    return [(path, _text_of(path)) for path in paths]


def _text_of(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise RulesBroken(f"{_named(path)}: {error.strerror or error}. {_ADVICE}") from error
    except UnicodeDecodeError as error:
        raise RulesBroken(f"{_named(path)}: it is not UTF-8. {_ADVICE}") from error
