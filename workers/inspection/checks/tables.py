"""Tables as text (CSV): what Excel takes for a sheet with macros, by its first letters.

Formulas are text until a spreadsheet computes them, and pass: who exports a table quotes its cells
(OWASP ASVS 1.2.10). SYLK is no table of text: an option says that it is a sheet of macros, and a
name may run one.
"""

from __future__ import annotations

import re
from typing import BinaryIO

from uploads.documents.readers.limits import Budget, Limits, Refusal

_CHUNK_BYTES = 1024 * 1024
_OVERLAP_BYTES = 1024
_SYLK = b"ID;P"
_MACROS = re.compile(rb"^(?:O;(?:[^\r\n;]{0,99};){0,9}E[;\r\n]|NN;N_?AUTO_)", re.M | re.I)


def check_table(file: BinaryIO, _: str, limits: Limits) -> None:
    """Refuse a table that is a sheet of macros. Raises: Refusal."""
    budget = Budget(limits)
    file.seek(0)
    before = file.read(_CHUNK_BYTES)
    if not before.startswith(_SYLK):
        return
    while before:
        budget.check_time()
        if _MACROS.search(before):
            raise Refusal("active-content", "table: a sheet of macros (SYLK)")
        more = file.read(_CHUNK_BYTES)
        before = before[-_OVERLAP_BYTES:] + more if more else b""
