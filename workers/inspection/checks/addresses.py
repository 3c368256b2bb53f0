"""Addresses in documents: which lead out of the file, and which of those a reader may follow.

What is loaded or started while a document is opened must lie in the document. What waits for a
click may lead to the web, and nowhere else: `file:`, `search-ms:` and their like open programs and
folders of the reader's own network. Knows no file format.
"""

from __future__ import annotations

import posixpath
import re
from urllib.parse import unquote

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_COMMAND = re.compile(r"\.[a-z]+:", re.IGNORECASE)  # LibreOffice's own, `.uno:Quit`
_PASSED_OVER = re.compile(r"[\x00-\x20]")  # programs read addresses without these
_WEB = frozenset({"http:", "https:", "mailto:", "tel:", "ftp:"})
_HERE = "data:"


def leads_outside(address: str) -> bool:
    """Whether it names a protocol or another host. Relative ones lead to what is beside it."""
    plain = _plain(address)
    scheme = _scheme(plain)
    return scheme not in ("", _HERE) or _names_host(plain)


def leaves_package(address: str, part: str) -> bool:
    """Whether an address in the part of that name leads out of its package (ODF 1.3 part 2, 3.7).

    Relative ones count from the folder of the part.
    """
    plain = unquote(_plain(address))
    if leads_outside(address) or plain.startswith("/"):
        return True
    if _scheme(plain):
        return False
    path = posixpath.normpath(posixpath.join(posixpath.dirname(part), plain.replace("\\", "/")))
    return path == ".." or path.startswith("../")


def leads_to_web(address: str) -> bool:
    """Whether it leads to the web, by mail or phone, and says so."""
    return _scheme(_plain(address)) in _WEB


def may_be_followed(address: str) -> bool:
    """Whether a reader may be offered to follow it: to the web, by mail or phone, or beside it."""
    plain = _plain(address)
    scheme = _scheme(plain)
    inside = not scheme and not _names_host(plain) and not _COMMAND.match(unquote(plain))
    return scheme in _WEB or inside


def _plain(address: str) -> str:
    return _PASSED_OVER.sub("", address)


def _scheme(plain: str) -> str:
    found = _SCHEME.match(unquote(plain)) or _SCHEME.match(plain)
    return found[0].lower() if found else ""


def _names_host(plain: str) -> bool:
    return unquote(plain).replace("\\", "/").startswith("//")
