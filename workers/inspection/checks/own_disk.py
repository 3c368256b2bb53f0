"""Paths in documents: which of them surely name a file on the reader's own disk.

Programs write there where they found a template or another workbook. A drive's letter, a path from
the root and a name beside the document lead to nobody else; a share and a protocol do. What can be
read in two ways counts as the worse one. Knows no file format.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote

_SPELLINGS = 4
_LOCAL = "file:///"
_DRIVE = re.compile(r"[a-z]:/", re.IGNORECASE)
_NAME = re.compile(r"[\w.(\['~$&+-]")  # no question mark: `\??\UNC\host` is a share as well
_AUTOMOUNTED = frozenset({"net", "network"})  # a folder each for hosts, on other systems
# Roots of paths that are no names of hosts either, whatever a program makes of three slashes.
_ROOTS = frozenset({"users", "applications", "library", "home", "usr", "opt"})


def is_on_own_disk(address: str) -> bool:
    """Whether it is a path on the reader's own disk, or beside the document, however it is read."""
    return all(map(_is_own, _spellings(address)))


def _spellings(address: str) -> Iterator[str]:
    """What programs may read: with escapes undone, also twice, and letters that look alike."""
    for _ in range(_SPELLINGS):
        yield address
        yield unicodedata.normalize("NFKC", address)
        undone = unquote(address)
        if undone == address:
            return
        address = undone
    yield "//escaped/too/often"


def _is_own(spelled: str) -> bool:
    if any(unicodedata.category(each) in ("Cc", "Cf") for each in spelled):
        return False
    plain = spelled.replace(" ", "")  # programs pass over them in places
    full = plain[: len(_LOCAL)].lower() == _LOCAL
    path = (plain[len(_LOCAL) :] if full else plain).replace("\\", "/")
    if "//" in path:
        return False
    if _DRIVE.match(path):
        return _stays(path)
    if full:
        return path.partition("/")[0].lower() in _ROOTS and _stays(path)
    if ":" in path or not _NAME.match(path.removeprefix("/")):
        return False
    if path.startswith("/"):
        return _stays(path) and path.split("/")[1].lower() not in _AUTOMOUNTED
    return _above(path) not in _AUTOMOUNTED


def _stays(path: str) -> bool:
    """Whether a path from a root stays where it begins to lead."""
    return ".." not in path.split("/")


def _above(path: str) -> str:
    """The first folder that a relative path names after leaving its own."""
    steps = path.split("/")
    up = [at for at, step in enumerate(steps) if step == ".."]
    return steps[up[-1] + 1].lower() if up and len(steps) > up[-1] + 1 else ""
