"""Instructions of fields: which of them reach for another program or file (ECMA-376 part 1, 17.16).

An instruction may be put together: QUOTE makes letters out of their numbers, and what a field
inside of it shows is a part of it. Knows no file format.
"""

from __future__ import annotations

import re
from itertools import product

from uploads.documents.readers.limits import Budget
from workers.inspection.checks.addresses import may_be_followed

# Not where it is a piece of an address.
_DDE = re.compile(r"(?<![\w./:@%&=?#-])DDE(?:AUTO)?(?![\w.])", re.IGNORECASE)
_NUMBERS = r"QUOTE((?:\s+(?:0x[0-9a-f]{1,4}|\d{1,5})\b)+)"
_QUOTES = tuple(
    re.compile(before + _NUMBERS + after, re.IGNORECASE)
    # All of the spaces before it or none: else each of very many would be tried as the first.
    for before, after in product(("", r"(?<!\s)\s*"), ("", r"\s*"))
)
_LOADING = re.compile(
    r"\s*(?:INCLUDE|INCLUDEPICTURE|INCLUDETEXT|IMPORT|LINK|DATABASE|RD)(?![\w.])", re.IGNORECASE
)
_LINK = re.compile(r"\s*HYPERLINK(?!\w)", re.IGNORECASE)
_ARGUMENT = re.compile(r'\\([a-z])(?!\w)|"([^"]*)"?|([^\s"]+)', re.IGNORECASE)
_WITH_VALUE = frozenset("lotsLOTS")
_MOST_ARGUMENTS = 64  # before the address itself; there are some ten switches
_LETTERS_PER_STEP = 256
_QUOTED_PER_STEP = 8


def is_active(instruction: str, budget: Budget) -> bool:
    """Whether it is DDE, loads another file or links to what is not the web, or becomes that once
    its quotes are letters.
    """
    budget.look(1 + len(instruction) // _LETTERS_PER_STEP)
    if _reaches_out(instruction):
        return True
    quotes = instruction.upper().count("QUOTE")
    if not quotes:
        return False
    budget.look(2 * quotes)
    quoted = sum(found.end() - found.start() for found in _QUOTES[0].finditer(instruction))
    budget.look(quoted // _QUOTED_PER_STEP)
    # Whether the spaces beside a quote are its own, its program knows.
    return any(_reaches_out(quote.sub(_letters, instruction)) for quote in _QUOTES)


def _reaches_out(instruction: str) -> bool:
    if _DDE.search(instruction) or _LOADING.match(instruction):
        return True
    link = _LINK.match(instruction)
    if link is None:
        return False
    address = _address(instruction[link.end() :])
    return address is None or not may_be_followed(address)


def _address(arguments: str) -> str | None:
    """The first argument that belongs to no switch; nothing for a link within the document.

    None where there are more arguments than anybody writes.
    """
    passed = False
    for number, found in enumerate(_ARGUMENT.finditer(arguments)):
        if number == _MOST_ARGUMENTS:
            return None
        switch, quoted, bare = found.groups(default="")
        if not switch and not passed:
            return str(quoted or bare)
        passed = switch in _WITH_VALUE and bool(switch)
    return ""


def shown(instruction: str, result: str) -> str:
    """What a field shows where it stands: of a quote what it makes, of others their last result."""
    whole = _QUOTES[-1].fullmatch(instruction.strip())
    return _letters(whole) if whole else result


def _letters(quote: re.Match[str]) -> str:
    numbers = (int(each, 16 if each[1:2] in "xX" else 10) for each in quote[1].split())
    return "".join(chr(number & 0xFFFF) for number in numbers)
