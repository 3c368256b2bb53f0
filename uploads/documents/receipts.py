"""What a caller wants kept together with the document that it sends."""

from __future__ import annotations

from typing import Protocol

from uploads.documents.model import Document
from uploads.records.protocol import Work


class Receipt(Protocol):
    """What is kept for whoever sends the same file again: it stands and falls with the document."""

    def make_out(self, document: Document) -> None:
        """The document that is about to be committed."""

    def enter(self, work: Work) -> None:
        """In the transaction that makes the document. Raises Conflict where it must not be made."""

    def withdraw(self, work: Work) -> None:
        """In the transaction that takes the document back."""
