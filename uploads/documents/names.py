"""File names: what clients call their files, made safe to keep and to send back.

A name is only ever shown and sent in a header. It is never a key, a path or an argument, whatever
it looks like: what is refused here is refused because somebody would be misled by it. Knows no
framework and not what types are accepted.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath
from typing import Literal
from urllib.parse import quote

from uploads.documents.errors import BadName

# Joiners belong to letters of Persian and the Indic scripts, and to emoji; beside ASCII they hide.
_JOINERS = "\u200c\u200d"
_IDLE_JOINERS = re.compile(
    f"(?:^|(?<=[\\x00-\\x7f]))[{_JOINERS}]+|[{_JOINERS}]+(?=[\\x00-\\x7f]|$)"
)
# What shows nothing and is no control: spaces, and letters, marks and symbols that are blank
# (Default_Ignorable_Code_Point of DerivedCoreProperties.txt, and those whose names say so).
# Between others they may change how these look, as in emoji; at either end they only hide.
_BLANK = (
    " \xa0\u1680"
    + "".join(map(chr, range(0x2000, 0x200B)))
    + "\u202f\u205f\u3000\u2800"
    + "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0"
    + "\U00013441\U00013442\U0001d159"
    + "".join(map(chr, [*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)]))
)
# Controls, line separators and surrogates: nobody calls a file so.
_REFUSED = frozenset({"Cc", "Cs", "Zl", "Zp"})
# Bidi controls and everything of no width: phones put them into honest names. Unassigned ones
# stay: they are the emoji of next year.
_UNSEEN = "Cf"
# Device names of Windows, with any ending ("Naming Files, Paths, and Namespaces").
_RESERVED = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3])\s*(\.|$)",
    re.IGNORECASE,
)
RELEASED_PREFIX = "released-"
"""Before the name of what was found bad and is handed out all the same: people see no headers."""
_LONGEST_FILE_NAME = 255  # in bytes, on most file systems
_ATTR_CHAR = "!#$&+-.^_`|~"
_UNFIT_IN_FALLBACK = re.compile(r"[^ !#$&-.0-\[\]-~]")


def clean_name(untrusted_name: str | None, max_bytes: int) -> str:
    """The name to keep: NFC, nothing unseen at its ends, harmless at its start and its end.

    Marks that hide or reorder others are taken out, of a full path of Windows the last part is
    kept, and a colon, behind which Windows names a device's or a file's stream, is an underscore.
    A clean name is its own clean name. `max_bytes` counts UTF-8 bytes. Raises BadName when the
    name is missing, empty or blank, too long, or holds another path or control characters.
    """
    # The quick check bounds the work: no character becomes shorter than a byte in a third of it.
    if not untrusted_name or len(untrusted_name) > 4 * max_bytes:
        raise BadName
    name = _last_part(untrusted_name)
    # Printable ASCII is composed, seen and of no category that is refused.
    if not (name.isascii() and name.isprintable()):
        name = _visible(unicodedata.normalize("NFC", name))
        if any(unicodedata.category(mark) in _REFUSED for mark in name):
            raise BadName
        # Together, for what one of them uncovers the others would take away.
        name = name.strip(_BLANK + _JOINERS).rstrip("." + _BLANK + _JOINERS)
    if "/" in name or "\\" in name:
        raise BadName
    name = name.strip().rstrip(". ").replace(":", "_")
    if not name:
        raise BadName
    if name[0] in ".-~" or _RESERVED.match(name):
        name = "_" + name
    if len(name.encode()) > max_bytes:
        raise BadName
    return name


def _last_part(name: str) -> str:
    """Old clients send the whole path; parsers of forms cut it, and every door does the same."""
    if name[1:3] == ":\\" or name[:2] == "\\\\":
        return name.rpartition("\\")[2]
    return name


def _visible(name: str) -> str:
    """Take out what has no width, and compose again what it kept apart."""
    seen = "".join(
        mark for mark in name if mark in _JOINERS or unicodedata.category(mark) != _UNSEEN
    )
    return unicodedata.normalize("NFC", _IDLE_JOINERS.sub("", seen))


def content_disposition(kind: Literal["attachment", "inline"], name: str, *, released: bool) -> str:
    """A Content-Disposition value: ASCII fallback and `filename*` (RFC 6266, RFC 8187).

    The fallback has no quotes, slashes and percent signs, which clients read differently. Whoever
    sends bytes says whether they were `released`, and then both names say so.
    """
    name = _marked(name) if released else name
    folded = unicodedata.normalize("NFKD", name)
    plain = "".join(mark for mark in folded if not unicodedata.combining(mark))
    fallback = _UNFIT_IN_FALLBACK.sub("_", plain)
    return f"{kind}; filename=\"{fallback}\"; filename*=UTF-8''{quote(name, safe=_ATTR_CHAR)}"


def _marked(name: str) -> str:
    """The name of what was released, no longer than a name of a file may be."""
    ending = PurePosixPath(name).suffix
    room = _LONGEST_FILE_NAME - len((RELEASED_PREFIX + ending).encode())
    stem = name.removesuffix(ending).encode()
    if len(stem) > room >= 0:
        name = stem[:room].decode(errors="ignore") + ending
    return RELEASED_PREFIX + name
