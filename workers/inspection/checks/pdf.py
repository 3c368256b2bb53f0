"""PDF (ISO 32000): what runs, starts or submits by itself. Pages are not looked at."""

from __future__ import annotations

from typing import BinaryIO

import pikepdf

from uploads.documents.readers.limits import Refusal
from workers.inspection.pdfs import EMBEDDING, dictionaries, open_pdf

_ACTIONS = {"/JavaScript", "/Launch", "/ImportData", "/RichMediaExecute"}
_KEYS = ("/JS", "/JavaScript", "/XFA", "/RichMediaContent")
_SUBTYPES = {"/RichMedia", "/3D"}
_WORDS = (*_KEYS, *sorted(_ACTIONS | _SUBTYPES))


def check_pdf(file: BinaryIO) -> bool:
    """Check a PDF; return whether something may be packed in it. Raises: Refusal."""
    packed = False
    with open_pdf(file) as pdf:
        root = pdf.Root
        opening = root.get("/OpenAction")
        if isinstance(opening, pikepdf.Dictionary) and opening.get("/S") == "/URI":
            raise Refusal("active-content", "pdf: opens an address by itself")
        for found in dictionaries(pdf, (*_WORDS, *EMBEDDING)):
            _check_dictionary(found)
            packed = packed or "/EF" in found or found.get("/Type") == "/EmbeddedFile"
    return packed


def _check_dictionary(found: pikepdf.Object) -> None:
    if any(key in found for key in _KEYS):
        raise Refusal("active-content", "pdf: scripts or forms that run")
    if str(found.get("/S", "")) in _ACTIONS:
        raise Refusal("active-content", "pdf: an action that runs something")
    if str(found.get("/Subtype", "")) in _SUBTYPES and "/Rect" in found:
        raise Refusal("active-content", "pdf: rich media")
