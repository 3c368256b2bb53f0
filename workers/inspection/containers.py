"""Which types have something packed in them, and how: what our walk opens, and nothing else.

Without the libraries that open them, for the worker asks as well.
"""

from __future__ import annotations

from uploads.documents.readers.packages import is_package

ZIP, PDF, RTF = "zip", "pdf", "rtf"
_OTHERS = {"application/pdf": PDF, "application/rtf": RTF}


def container_of(media_type: str) -> str | None:
    """How files of our type `media_type` are packed; None where nothing is in them."""
    if is_package(media_type):
        return ZIP
    return _OTHERS.get(media_type)
