"""ZIP archives, and the documents that are ZIP archives: named by their members.

Office Open XML (ECMA-376 part 2) and OpenDocument (OASIS ODF 1.3 part 2) each say by the members
what they are. By names and offsets alone: what stands in a member only the worker unpacks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from uploads.documents.readers.limits import Budget, Limits, Refusal
from uploads.documents.readers.tail import Seekable
from uploads.documents.readers.window import Ask, Window
from uploads.documents.readers.ziptable import Entry, read_table

ZIP = "application/zip"
OOXML = "application/vnd.openxmlformats-officedocument."
ODF = "application/vnd.oasis.opendocument."
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLD_OFFICE = "application/CDFV2"
_FOLDERS = {
    "word": OOXML + "wordprocessingml.document",
    "xl": OOXML + "spreadsheetml.sheet",
    "ppt": OOXML + "presentationml.presentation",
}
_MACROS = re.compile(r"vbaproject|vbadata|(^|/)(activex|macrosheets|dialogsheets)/")
_SCRIPTS = ("Basic/", "Scripts/")
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
_TYPE_BYTES = 200
_LEAD_BYTES = 64 * 1024
_STORED = 0
_STATED = tuple(ODF + kind for kind in ("text", "spreadsheet", "presentation"))


def is_package(media_type: str) -> bool:
    """Whether files of this type are ZIP archives."""
    return media_type == ZIP or media_type.startswith((OOXML, ODF))


def read_package_head(window: Window, media_type: str) -> Ask[None]:
    """The first bytes: a ZIP begins with its first entry, an Office file with a password is OLE."""
    head = yield from window.peek(8)
    if media_type.startswith(OOXML) and head == OLE:
        yield from _read_ole(window)
    if not head.startswith((b"PK\3\4", b"PK\5\6")):
        raise Refusal("malformed-file", "zip: no archive")


def _read_ole(window: Window) -> Ask[None]:
    """Office writes an encrypted document into an OLE container (MS-OFFCRYPTO, 2.3.4.4)."""
    kept = b""
    while piece := (yield from window.rest()):
        kept += piece
        if _ENCRYPTED_PACKAGE in kept:
            raise Refusal("encrypted", "office: encrypted package")
        kept = kept[-len(_ENCRYPTED_PACKAGE) :]
    raise Refusal("type-mismatch", "office: an old binary document", _OLD_OFFICE)


def check_package(file: Seekable, media_type: str, limits: Limits) -> list[Entry]:
    """Read the table of a ZIP, and hold what its members say against `media_type`.

    Raises Refusal, and of a `Tail` OutOfReach when it does not hold what decides.
    """
    entries = read_table(file, Budget(limits))
    names = [entry.name for entry in entries]
    found = _kind(names)
    if media_type.startswith(ODF):
        check_names(names, media_type)
        # SheetJS writes it behind others, and programs look for it by its name.
        named = [entry for entry in entries if entry.name == "mimetype"]
        found = _stated_type(file, named) or found or ZIP
    elif media_type == ZIP and names[:1] == ["mimetype"]:
        found = _stated_type(file, entries) or found
    # Without a word from the names, the content types name a main part that lies elsewhere: they
    # are packed, and the worker reads them.
    if found is not None and found != media_type:
        raise Refusal("type-mismatch", "zip: another kind of package", found)
    check_names(names, media_type)
    return entries


def check_names(names: Sequence[str], media_type: str) -> None:
    """Raises: Refusal for parts that by their names alone are macros or controls."""
    if media_type.startswith(ODF) and any(name.startswith(_SCRIPTS) for name in names):
        raise Refusal("active-content", "opendocument: macros")
    if media_type.startswith(OOXML) and any(_MACROS.search(name.lower()) for name in names):
        raise Refusal("active-content", "office: macros or controls")


def _kind(names: Sequence[str]) -> str | None:
    """The media type that the names of members show; None where only their content could."""
    lower = {name.lower() for name in names}
    if "[content_types].xml" not in lower:
        return ZIP
    folders = {name.partition("/")[0] for name in lower if "/" in name} & set(_FOLDERS)
    return _FOLDERS[folders.pop()] if len(folders) == 1 else None


def _stated_type(file: Seekable, entries: Sequence[Entry]) -> str | None:
    """What the first of these members says where it is `mimetype`, stored (ODF 1.3 part 2, 3.3)."""
    first = min(entries, key=lambda entry: entry.start, default=None)
    if first is None or first.name != "mimetype" or first.method != _STORED:
        return None
    if first.unpacked > _TYPE_BYTES or first.packed != first.unpacked:
        return None
    if first.start > _LEAD_BYTES:
        return None
    # From the start: of a header out of reach, the table knows the length only at least.
    file.seek(0)
    stated = file.read(first.start + first.packed)[first.start :].strip()
    return next((kind for kind in _STATED if kind.encode() == stated), None)
