"""Judges a file's structure while it streams by: the readers, and what a door says of a refusal.

Knows the readers and the catalogue of errors, and neither names nor stores.
"""

from __future__ import annotations

from collections.abc import Callable

from uploads.documents.errors import MalformedFile, TypeMismatch, UploadsError
from uploads.documents.readers.limits import Limits, Refusal
from uploads.documents.readers.reading import Reading


class Watch:
    """One file on its way in, fed with every piece and asked at its end."""

    def __init__(
        self, type_: str, limits: Limits, tail_bytes: int, mismatch: Callable[[str], TypeMismatch]
    ) -> None:
        """`mismatch` makes the refusal for content that is of the media type it is given."""
        self._mismatch = mismatch
        self._reading = Reading(type_, limits, tail_bytes)

    def feed(self, piece: bytes) -> None:
        """Look at the next piece. Raises MalformedFile and TypeMismatch."""
        try:
            self._reading.feed(piece)
        except Refusal as refusal:
            raise self._said(refusal) from refusal

    def close(self) -> None:
        """The file has ended. Raises MalformedFile and TypeMismatch."""
        try:
            self._reading.close()
        except Refusal as refusal:
            raise self._said(refusal) from refusal

    def _said(self, refusal: Refusal) -> UploadsError:
        """The same word as the verdict's, in the form that a door has for it."""
        if refusal.reason == "type-mismatch":
            return self._mismatch(refusal.found or "")
        return MalformedFile(refusal.reason)
