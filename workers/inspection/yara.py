"""YARA with our own rules and an operator's, run in the parser cell.

Only these rules are compiled in this process; no byte of a stranger's file is read here.
"""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from uploads.documents.model import EngineReport
from uploads.documents.readers.limits import Limits
from workers.inspection import celled, rulebook
from workers.inspection.engine import EngineUnavailable, Subject


class Yara:
    """The engine `yara`. Rules are read anew when their files change, without a restart.

    Raises: RulesBroken, when they do not compile.
    """

    name = "yara"

    def __init__(
        self,
        cell: celled.AnyCell,
        limits: Limits | None = None,
        rules_dir: Path = rulebook.RULES_DIR,
        more_rules: Path | None = None,
    ) -> None:
        self._cell = cell
        self._limits = limits or Limits()
        self._folders = [one.absolute() for one in (rules_dir, more_rules) if one is not None]
        self._version = version("yara-x")
        self._signatures = ""
        self.signatures()

    def signatures(self) -> str:
        """Return the short hash of rules that do compile. Raises: RulesBroken."""
        seen = rulebook.digest(*self._folders)
        if seen != self._signatures:
            rulebook.compile_rules(*self._folders)
            self._signatures = seen
        return seen

    def fault(self) -> str:
        """Why no file can be inspected: rules that changed and do not compile; empty for none."""
        try:
            self.signatures()
        except rulebook.RulesBroken as error:
            return f"cannot be used: {error}"
        return ""

    def loaded_with(self) -> dict[str, Any]:
        """Return what the cell's task is loaded with now. Raises: RulesBroken."""
        return self._rules(self.signatures())

    def _rules(self, signatures: str) -> dict[str, Any]:
        return {"folders": [str(one) for one in self._folders], "signatures": signatures}

    def inspect(self, subject: Subject) -> EngineReport:
        """Scan the file and what is packed in it. Raises: EngineUnavailable."""
        try:
            signatures = self.signatures()
        except rulebook.RulesBroken as error:
            raise EngineUnavailable(str(error)) from error
        rules = self._rules(signatures)
        limits = replace(self._limits, deadline=subject.until)
        answer = celled.ask(self._cell, "yara", subject, limits.options(), rules)
        return celled.report(self.name, self._version, signatures, answer)
