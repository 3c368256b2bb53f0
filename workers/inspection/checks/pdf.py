"""PDF (ISO 32000): what runs, starts or submits by itself. Pages are not looked at."""

from __future__ import annotations

from typing import BinaryIO

import pikepdf

from uploads.documents.readers.limits import Budget, Refusal
from workers.inspection.checks.pdf_actions import EVENTS, OPENING, check_elsewhere, check_unasked
from workers.inspection.pdfs import EMBEDDING, dictionaries, embedded

_ACTIONS = {"/JavaScript", "/Launch", "/ImportData", "/RichMediaExecute"}
_KEYS = ("/JS", "/JavaScript", "/XFA", "/RichMediaContent")
_SUBTYPES = {"/RichMedia", "/3D"}
_WORDS = (*_KEYS, *sorted(_ACTIONS | _SUBTYPES), OPENING, EVENTS)


def check_pdf(file: BinaryIO, budget: Budget) -> bool:
    """Check a PDF and its earlier revisions; return whether a file is in it. Raises: Refusal."""
    packed = False
    for _, found in dictionaries(file, (*_WORDS, *EMBEDDING), budget):
        _check_dictionary(found)
        check_unasked(found, budget)
        check_elsewhere(found)
        packed = packed or bool(embedded(found))
    return packed


def _check_dictionary(found: pikepdf.Object) -> None:
    if any(key in found for key in _KEYS):
        raise Refusal("active-content", "pdf: scripts or forms that run")
    if str(found.get("/S", "")) in _ACTIONS:
        raise Refusal("active-content", "pdf: an action that runs something")
    if str(found.get("/Subtype", "")) in _SUBTYPES and "/Rect" in found:
        raise Refusal("active-content", "pdf: rich media")
