"""Instructions of fields: which of them reach for another program (ECMA-376 part 1, 17.16).

An instruction may be put together: QUOTE makes letters out of their numbers, and what a field
inside of it shows is a part of it. Knows no file format.
"""

from __future__ import annotations

import re
from itertools import product

# Not where it is a piece of an address.
_DDE = re.compile(r"(?<![\w./:@%&=?#-])DDE(?:AUTO)?(?![\w.])", re.IGNORECASE)
_NUMBERS = r"QUOTE((?:\s+(?:0x[0-9a-f]{1,4}|\d{1,5})\b)+)"
_QUOTES = tuple(
    re.compile(before + _NUMBERS + after, re.IGNORECASE)
    for before, after in product(("", r"\s*"), repeat=2)
)


def is_active(instruction: str) -> bool:
    """Whether it is DDE, or becomes it once its quotes are letters."""
    if _DDE.search(instruction):
        return True
    # Whether the spaces beside a quote are its own, its program knows.
    return any(_DDE.search(quote.sub(_letters, instruction)) for quote in _QUOTES)


def shown(instruction: str, result: str) -> str:
    """What a field shows where it stands: of a quote what it makes, of others their last result."""
    whole = _QUOTES[-1].fullmatch(instruction.strip())
    return _letters(whole) if whole else result


def _letters(quote: re.Match[str]) -> str:
    numbers = (int(each, 16 if each[1:2] in "xX" else 10) for each in quote[1].split())
    return "".join(chr(number & 0xFFFF) for number in numbers)
