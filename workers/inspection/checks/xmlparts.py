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

from uploads.documents.readers.limits import Budget, Refusal

# What an element reaches for, by attributes that have a namespace in one format or another.
_JUDGED = frozenset(
    {"althref", "fldCharType", "formula", "href", "instr", "src"}
    | {"Id", "Target", "TargetMode", "Type"}
    | {"action", "event-name"}
)

_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")  # UTF-8, UTF-16
_DECLARED = (b"<?xml", b"\x4c\x6f\xa7\x94\x93")  # the other one in EBCDIC
_HEAD_BYTES = 1024
_PIECE_BYTES = 256 * 1024
# What a step of a budget pays for. A start of an element counts as four, an attribute as one.
_COUNTED_PER_STEP = 32
_LOOKED_AT_AGAIN_PER_STEP = 8 * 1024

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
    start: OnStart,
    text: OnText | None = None,
    *,
    budget: Budget,
    end: OnEnd | None = None,
    doctype: IsKnown | None = None,
) -> None:
    """Parse one XML part; `start` gets local element names and attributes by local name, `end`
    local element names.

    A part without a single byte is nothing: LibreOffice leaves such behind. `doctype`
    tells which document types may be named: none is fetched, and none may declare anything itself.
    `budget` is charged for elements, attributes, and what expat looks at again.

    Raises: Refusal, for a document type, an entity, XML that is not well formed, or more of it than
    the budget has.
    """
    parser = _strict_parser(doctype)
    names = _LocalNames()
    counted = _Counted()
    parser.StartElementHandler = _localised(start, names, counted)
    if end is not None:
        parser.EndElementHandler = _ended(end, names)
    if text is not None:
        parser.buffer_text = True
        parser.CharacterDataHandler = text
    fed = 0
    try:
        for piece in _in_pieces(chunks):
            parser.Parse(piece, False)
            fed += len(piece)
            # A mark that is not whole yet is looked at from its beginning with every piece.
            again = max(0, fed - parser.CurrentByteIndex) // _LOOKED_AT_AGAIN_PER_STEP
            budget.look(counted.steps() + again)
        if fed:
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


def _strict_parser(doctype: IsKnown | None) -> expat.XMLParserType:
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse if doctype is None else _refusing_but(doctype)
    parser.EntityDeclHandler = _refuse
    parser.SkippedEntityHandler = _refuse
    parser.ExternalEntityRefHandler = _refuse
    return parser


def _in_pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """However much comes at once, a budget is asked after little of it."""
    for chunk in chunks:
        for at in range(0, len(chunk), _PIECE_BYTES):
            yield chunk[at : at + _PIECE_BYTES]


class _LocalNames(dict[str, str]):
    """Local names by names as they are written: a document has few, millions of times."""

    def __missing__(self, name: str) -> str:
        self[name] = local = _local(name)
        return local


class _Counted:
    """What was read and is not paid for yet."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = 0

    def steps(self) -> int:
        steps, self.left = divmod(self.left, _COUNTED_PER_STEP)
        return steps


def _localised(
    start: OnStart, names: Mapping[str, str], counted: _Counted
) -> Callable[[str, dict[str, str]], None]:
    """Called for every element of every document: it does no more than it must."""

    def handler(name: str, attributes: dict[str, str]) -> None:
        counted.left += 4 + len(attributes)
        if not attributes:
            start(names[name], attributes)
            return
        found = {names[key]: value for key, value in attributes.items()}
        start(names[name], found if len(found) == len(attributes) else _told_apart(attributes))

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


def _ended(end: OnEnd, names: Mapping[str, str]) -> Callable[[str], None]:
    def handler(name: str) -> None:
        end(names[name])

    return handler


def _local(name: str) -> str:
    return name.rpartition(":")[2]
