"""Reading XML that strangers wrote, without expanding anything.

expat parses as a stream; the first sign of a document type, where all entities come from, ends it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NoReturn
from xml.parsers import expat

from uploads.documents.readers.limits import Refusal

OnStart = Callable[[str, Mapping[str, str]], None]
OnText = Callable[[str], None]
OnEnd = Callable[[str], None]


def read_xml(
    chunks: Iterable[bytes],
    start: OnStart | None = None,
    text: OnText | None = None,
    *,
    end: OnEnd | None = None,
    doctype: bool = False,
) -> None:
    """Parse one XML part; `start` gets local element names and attributes by local name, `end`
    local element names.

    A part without a single byte is nothing: LibreOffice leaves such behind. `doctype` lets a
    document type pass that is only named: it is never fetched, and may declare nothing itself.

    Raises: Refusal, for a document type, an entity, or XML that is not well formed.
    """
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse_inner if doctype else _refuse
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


def _refuse_inner(name: str, system_id: str | None, public_id: str | None, inner: bool) -> None:
    if inner:
        _refuse()


def _localised(start: OnStart) -> Callable[[str, dict[str, str]], None]:
    def handler(name: str, attributes: dict[str, str]) -> None:
        start(_local(name), {_local(key): value for key, value in attributes.items()})

    return handler


def _ended(end: OnEnd) -> Callable[[str], None]:
    def handler(name: str) -> None:
        end(_local(name))

    return handler


def _local(name: str) -> str:
    return name.rpartition(":")[2]
