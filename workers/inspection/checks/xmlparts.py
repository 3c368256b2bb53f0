"""Reading XML that strangers wrote, without expanding anything.

expat parses as a stream; a document type, where all entities come from, ends it unless it is known
by its names alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum, auto
from typing import NoReturn
from xml.parsers import expat

from uploads.documents.readers.limits import Refusal

# What an element reaches for, by attributes that have a namespace in one format or another.
_JUDGED = frozenset(
    {"althref", "fldCharType", "formula", "href", "instr", "src"}
    | {"Id", "Target", "TargetMode", "Type"}
    | {"action", "event-name"}
)

_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")  # UTF-8, UTF-16
_DECLARED = (b"<?xml", b"\x4c\x6f\xa7\x94\x93")  # the other one in EBCDIC
_HEAD_BYTES = 1024

OnStart = Callable[[str, Mapping[str, str]], None]
OnText = Callable[[str], None]
OnEnd = Callable[[str], None]
IsKnown = Callable[[str, str | None, str | None], bool]
"""Told the root element, system id and public id of a document type."""


class Looks(Enum):
    """What the beginning of a part looks like."""

    XML = auto()
    MARKUP = auto()
    OTHER = auto()


def looks_like(chunks: Iterator[bytes]) -> tuple[Looks, bytes, Iterator[bytes]]:
    """What a part looks like, in whatever coding and however small pieces; its head, and all of it.

    Readers of XML pass over marks of an order of bytes, and many over space before the first sign.
    """
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= _HEAD_BYTES:
            break
    plain = head
    for mark in _MARKS:
        plain = plain.removeprefix(mark)
    marked = len(plain) < len(head)
    plain = plain.replace(b"\0", b"").lstrip()
    whole = itertools.chain([head], chunks)
    if plain.startswith(_DECLARED) or (marked and plain.startswith(b"<")):
        return Looks.XML, head, whole
    return Looks.MARKUP if plain.startswith(b"<") else Looks.OTHER, head, whole


def read_xml(
    chunks: Iterable[bytes],
    start: OnStart | None = None,
    text: OnText | None = None,
    *,
    end: OnEnd | None = None,
    doctype: IsKnown | None = None,
) -> None:
    """Parse one XML part; `start` gets local element names and attributes by local name, `end`
    local element names.

    A part without a single byte is nothing: LibreOffice leaves such behind. `doctype`
    tells which document types may be named: none is fetched, and none may declare anything itself.

    Raises: Refusal, for a document type, an entity, or XML that is not well formed.
    """
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse if doctype is None else _refusing_but(doctype)
    parser.EntityDeclHandler = _refuse
    parser.SkippedEntityHandler = _refuse
    parser.ExternalEntityRefHandler = _refuse
    if start is not None:
        parser.StartElementHandler = _localised(start)
    if end is not None:
        parser.EndElementHandler = _ended(end)
    if text is not None:
        parser.buffer_text = True
        parser.CharacterDataHandler = text
    empty = True
    try:
        for chunk in chunks:
            empty = empty and not chunk
            parser.Parse(chunk, False)
        if not empty:
            parser.Parse(b"", True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise Refusal("malformed-file", "XML that is not well formed") from error


def _refuse(*_: object) -> NoReturn:
    raise Refusal("malformed-file", "XML with a document type or entities")


def _refusing_but(known: IsKnown) -> Callable[[str, str | None, str | None, int], None]:
    def handler(root: str, system_id: str | None, public_id: str | None, inner: int) -> None:
        if inner or not known(root, system_id, public_id):
            _refuse()

    return handler


def _localised(start: OnStart) -> Callable[[str, dict[str, str]], None]:
    def handler(name: str, attributes: dict[str, str]) -> None:
        found = {_local(key): value for key, value in attributes.items()}
        start(_local(name), found if len(found) == len(attributes) else _told_apart(attributes))

    return handler


def _told_apart(attributes: Mapping[str, str]) -> dict[str, str]:
    """Attributes of an element of which two have one local name, in two namespaces.

    Which of them counts is known by whoever knows the format, and strangers may write another one
    beside it. So of a name that says what is reached for there may be one value alone; of others
    the one without a namespace counts, as in all formats that are judged by them. The others keep
    their prefix, so that no value is lost.
    """
    found: dict[str, str] = {}
    for key, value in attributes.items():
        name = _local(key)
        before = found.get(name)
        if before is not None and before and value != before and name in _JUDGED:
            raise Refusal("malformed-file", "XML with two attributes of one name")
        if not before or (value and key == name):
            found[name] = value
        if key != name:
            found[key] = value
    return found


def _ended(end: OnEnd) -> Callable[[str], None]:
    def handler(name: str) -> None:
        end(_local(name))

    return handler


def _local(name: str) -> str:
    return name.rpartition(":")[2]
