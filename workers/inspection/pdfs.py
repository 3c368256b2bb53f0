"""Reading PDFs with qpdf, for the parser cell: opening, every object, attachments.

Nothing here decodes a page or a picture. Knows no verdict.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import pikepdf

from uploads.documents.readers.limits import Refusal

_DEPTH = 100


def open_pdf(file: BinaryIO) -> pikepdf.Pdf:
    """Open a PDF, damaged cross-references repaired as readers do. Raises: Refusal."""
    file.seek(0)
    try:
        return pikepdf.open(file, suppress_warnings=True)
    except pikepdf.PasswordError as error:
        raise Refusal("encrypted", "pdf: needs a password") from error
    except (pikepdf.PdfError, RuntimeError, ValueError) as error:
        raise Refusal("malformed-file", "pdf: cannot be read") from error


def dictionaries(pdf: pikepdf.Pdf) -> Iterator[pikepdf.Object]:
    """Yield every dictionary and stream, also those written inside of another object."""
    for root in pdf.objects:
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
        for found in dictionaries(pdf):
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
