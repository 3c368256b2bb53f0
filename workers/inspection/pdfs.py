"""Reading PDFs with qpdf, for the parser cell: opening, every object, attachments.

Nothing here decodes a page or a picture. Knows no verdict.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import BinaryIO

import pikepdf

from uploads.documents.readers.limits import Refusal

_DEPTH = 100
EMBEDDING = ("/EF", "/EmbeddedFile")
_PARAMETERS = {"/Predictor", "/Columns", "/Colors", "/BitsPerComponent", "/EarlyChange"}


def open_pdf(file: BinaryIO) -> pikepdf.Pdf:
    """Open a PDF, damaged cross-references repaired as readers do. Raises: Refusal."""
    file.seek(0)
    try:
        return pikepdf.open(file, suppress_warnings=True)
    except pikepdf.PasswordError as error:
        raise Refusal("encrypted", "pdf: needs a password") from error
    except (pikepdf.PdfError, RuntimeError, ValueError) as error:
        raise Refusal("malformed-file", "pdf: cannot be read") from error


def dictionaries(pdf: pikepdf.Pdf, words: Sequence[str]) -> Iterator[pikepdf.Object]:
    """Yield every dictionary and stream in which one of these names stands, and perhaps others.

    Also those written inside of another object. A file may have hundreds of thousands of them, and
    each costs a hundred microseconds to look into; qpdf writes one out in two, always with its
    names unescaped. A name that is an object of its own may stand for a value anywhere: then, and
    where an object is nested deeply, nothing is left out.
    """
    pattern = re.compile("|".join(re.escape(word) for word in words).encode())
    # Numbers that are objects of their own come as values of Python; nothing is in them.
    roots = [root for root in pdf.objects if isinstance(root, pikepdf.Object)]
    chosen = []
    for root in roots:
        written = _written(root)
        if pattern.search(written):
            if written.startswith(b"/"):
                chosen = roots
                break
            chosen.append(root)
        elif written.count(b"[") + written.count(b"<<") > _DEPTH:
            chosen.append(root)
    for found in chosen:
        yield from _inside(found)


def _written(root: pikepdf.Object) -> bytes:
    if isinstance(root, pikepdf.Stream):
        return root.stream_dict.unparse(resolved=True)
    return root.unparse(resolved=True)


def _inside(root: pikepdf.Object) -> Iterator[pikepdf.Object]:
    pending = [(root, 0)]
    while pending:
        value, depth = pending.pop()
        if depth > _DEPTH:
            raise Refusal("malformed-file", "pdf: objects nested too deep")
        if isinstance(value, (pikepdf.Dictionary, pikepdf.Stream)):
            yield value
            children = [child for _, child in value.items()]
        elif isinstance(value, pikepdf.Array):
            children = list(value)
        else:
            continue
        # What has a number of its own comes by itself; following it would never end.
        pending += [
            (child, depth + 1)
            for child in children
            if isinstance(child, pikepdf.Object) and not child.is_indirect
        ]


Filter = tuple[str, Mapping[str, int]]


def attachments(file: BinaryIO) -> Iterator[tuple[bytes, Sequence[Filter]]]:
    """Yield bytes as stored, and the filters to undo, of every embedded file (ISO 32000-1, 7.11.4).

    Raises: Refusal, for a PDF that cannot be read.
    """
    with open_pdf(file) as pdf:
        seen: set[tuple[int, int]] = set()
        for found in dictionaries(pdf, EMBEDDING):
            for stream in _embedded(found):
                if stream.objgen not in seen:
                    seen.add(stream.objgen)
                    yield stream.read_raw_bytes(), _filters(stream)


def _embedded(found: pikepdf.Object) -> list[pikepdf.Stream]:
    if isinstance(found, pikepdf.Stream):
        return [found] if found.get("/Type") == "/EmbeddedFile" else []
    files = found.get("/EF")
    if not isinstance(files, pikepdf.Dictionary):
        return []
    return [stream for _, stream in files.items() if isinstance(stream, pikepdf.Stream)]


def _filters(stream: pikepdf.Stream) -> list[Filter]:
    """Names and parameters, in the order in which they are undone (7.4.1).

    Raises: Refusal where the two do not fit each other: programs then read different bytes.
    """
    names, parameters = _listed(stream.get("/Filter")), _listed(stream.get("/DecodeParms"))
    if "/F" in stream or "/DP" in stream:
        raise Refusal("malformed-file", "pdf: an attachment that some programs seek elsewhere")
    if not all(isinstance(name, pikepdf.Name) for name in names):
        raise Refusal("malformed-file", "pdf: a filter without a name")
    if parameters and len(parameters) != len(names):
        raise Refusal("malformed-file", "pdf: parameters that belong to no filter")
    parameters = parameters or [None] * len(names)
    pairs = zip(names, parameters, strict=True)
    return [(str(name), _numbers(each)) for name, each in pairs]


def _listed(value: object) -> list[object]:
    if value is None:
        return []
    return list(value) if isinstance(value, pikepdf.Array) else [value]


def _numbers(parameters: object) -> dict[str, int]:
    if parameters is None:
        return {}
    if not isinstance(parameters, pikepdf.Dictionary):
        raise Refusal("malformed-file", "pdf: parameters that are no dictionary")
    found = {key: value for key, value in parameters.items() if key in _PARAMETERS}
    if not all(isinstance(value, (int, Decimal)) for value in found.values()):
        raise Refusal("malformed-file", "pdf: a parameter that is no number")
    return {key: int(value) for key, value in found.items()}
