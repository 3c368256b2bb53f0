"""PDF (ISO 32000): what runs, starts or submits by itself. Pages are not looked at."""

from __future__ import annotations

from typing import BinaryIO

import pikepdf

from uploads.documents.readers.limits import Limits, Refusal
from workers.inspection.pdfs import dictionaries, open_pdf

_ACTIONS = {"/JavaScript", "/Launch", "/ImportData", "/RichMediaExecute"}
_KEYS = ("/JS", "/JavaScript", "/XFA", "/RichMediaContent")
_SUBTYPES = {"/RichMedia", "/3D"}


def check_pdf(file: BinaryIO, _: str, __: Limits) -> None:
    """Check a PDF. Raises: Refusal."""
    with open_pdf(file) as pdf:
        root = pdf.Root
        opening = root.get("/OpenAction")
        if isinstance(opening, pikepdf.Dictionary) and opening.get("/S") == "/URI":
            raise Refusal("active-content", "pdf: opens an address by itself")
        for found in dictionaries(pdf):
            _check_dictionary(found)


def _check_dictionary(found: pikepdf.Object) -> None:
    if any(key in found for key in _KEYS):
        raise Refusal("active-content", "pdf: scripts or forms that run")
    if str(found.get("/S", "")) in _ACTIONS:
        raise Refusal("active-content", "pdf: an action that runs something")
    if str(found.get("/Subtype", "")) in _SUBTYPES and "/Rect" in found:
        raise Refusal("active-content", "pdf: rich media")
