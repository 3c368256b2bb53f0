"""Formulas of spreadsheets: which of them start or fetch something once they are computed.

Of Excel (ECMA-376 part 1, 18.17) and of OpenFormula. Knows no file format.
"""

from __future__ import annotations

import re

from uploads.documents.readers.limits import Budget

_TEXT = re.compile(r'"(?:[^"]|"")*"')
_QUOTED = re.compile(r"'(?:[^']|'')*'")
_ARRAY = re.compile(r"\{[^{}]*\}")  # OpenFormula parts the rows of one with a bar
_FUNCTION = re.compile(
    r"(?<![\w.])(?:_xlfn\.|_xlws\.|com\.microsoft\.)*"
    r"(?:DDE|WEBSERVICE|IMAGE|RTD|CALL|REGISTER\.ID|EXEC)\s*\(",
    re.IGNORECASE,
)
_OTHER_FILE = re.compile(r"'(?:[a-z][a-z0-9+.-]+:|//|\\\\)[^']*'\s*#", re.IGNORECASE)
_REACHING = re.compile(r"[|(#]")  # without any of these it is none of what is looked for
_LETTERS_PER_STEP = 64


def is_active(formula: str, budget: Budget) -> bool:
    """Whether it is DDE (`program|'topic'!item`), fetches, starts something or reads other files.

    A bar stands in no formula else but in texts, names in quotes and arrays.
    """
    if not _REACHING.search(formula):
        return False
    budget.look(1 + len(formula) // _LETTERS_PER_STEP)
    told = _TEXT.sub("", formula)
    plain = _ARRAY.sub("", _QUOTED.sub("", told))
    return "|" in plain or bool(_FUNCTION.search(plain) or _OTHER_FILE.search(told))
