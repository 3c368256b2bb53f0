"""The files inside of a PDF, as they are stored, and the filters to undo. For the parser cell.

Wherever they are named, and also those that nothing names: what a reader cannot find another may.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import BinaryIO

import pikepdf

from uploads.documents.readers.limits import Budget, Refusal
from workers.inspection.pdfs import EMBEDDING, dictionaries, embedded

_PARAMETERS = {"/Predictor", "/Columns", "/Colors", "/BitsPerComponent", "/EarlyChange"}
_CRYPT, _IDENTITY = "/Crypt", "/Identity"

Filter = tuple[str, Mapping[str, int]]


def attachments(file: BinaryIO, budget: Budget) -> Iterator[tuple[bytes, Sequence[Filter]]]:
    """Yield bytes as stored, and the filters to undo, of every embedded file (ISO 32000-1, 7.11.4).

    Of each revision; what did not change comes once.

    Raises: Refusal, for a PDF that cannot be read.
    """
    seen: set[tuple[str, bytes]] = set()
    for pdf, found in dictionaries(file, EMBEDDING, budget):
        for stream in embedded(found):
            raw, filters = stream.read_raw_bytes(), _filters(stream, locked=pdf.is_encrypted)
            budget.look(1 + len(raw) // 256)
            key = repr(filters), hashlib.sha256(raw).digest()
            if key not in seen:
                seen.add(key)
                yield raw, filters


def _filters(stream: pikepdf.Stream, *, locked: bool) -> list[Filter]:
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
    pairs = list(zip(map(str, names), parameters or [None] * len(names), strict=True))
    if any(name == _CRYPT and not _is_plain(each, locked) for name, each in pairs):
        raise Refusal("encrypted", "pdf: a file of another encryption than the rest")
    return [(name, _numbers(each)) for name, each in pairs if name != _CRYPT]


def _is_plain(parameters: object, locked: bool) -> bool:
    """Whether a filter of encryption changes nothing (7.6.5): without a name it is the identity.

    In an encrypted file qpdf looks at the name alone.
    """
    name = parameters.get("/Name") if isinstance(parameters, pikepdf.Dictionary) else None
    return name == _IDENTITY or (name is None and not locked)


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
