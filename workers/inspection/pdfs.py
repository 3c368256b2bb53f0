"""Reading PDFs with qpdf, for the parser cell: opening, every object, attachments.

Nothing here decodes a page or a picture. Knows no verdict.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import pikepdf

from uploads.documents.readers.limits import Refusal

_DEPTH = 100
EMBEDDING = ("/EF", "/EmbeddedFile")


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


def attachments(file: BinaryIO) -> Iterator[tuple[bool, bytes]]:
    """Yield (deflated, bytes as stored) of every embedded file (ISO 32000-1, 7.11.4).

    Raises: Refusal, for a PDF that cannot be read or an attachment in a filter nobody uses.
    """
    with open_pdf(file) as pdf:
        seen: set[tuple[int, int]] = set()
        for found in dictionaries(pdf, EMBEDDING):
            for stream in _embedded(found):
                if stream.objgen not in seen:
                    seen.add(stream.objgen)
                    yield _is_deflated(stream), stream.read_raw_bytes()


def _embedded(found: pikepdf.Object) -> list[pikepdf.Stream]:
    if isinstance(found, pikepdf.Stream):
        return [found] if found.get("/Type") == "/EmbeddedFile" else []
    files = found.get("/EF")
    if not isinstance(files, pikepdf.Dictionary):
        return []
    return [stream for _, stream in files.items() if isinstance(stream, pikepdf.Stream)]


def _is_deflated(stream: pikepdf.Stream) -> bool:
    filters = stream.get("/Filter", pikepdf.Array())
    names = (
        [str(name) for name in filters] if isinstance(filters, pikepdf.Array) else [str(filters)]
    )
    if names in ([], ["/FlateDecode"]):
        return bool(names)
    raise Refusal("malformed-file", "pdf: an attachment in an unusual filter")
