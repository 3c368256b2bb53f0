"""What a caller wants kept together with what is made for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from uploads.documents.model import Document
from uploads.records.protocol import Work

T = TypeVar("T")

Keep = Callable[[Work, T], None]
"""To be called in the transaction that makes something, with what is made: what it keeps for
whoever asks again stands and falls with that. It may raise, and undo it so."""


def keep_nothing(work: Work, made: object) -> None:
    """For whoever does not ask again."""


class Receipt(Protocol):
    """What is kept for whoever sends the same file again: it stands and falls with the document."""

    def make_out(self, document: Document) -> None:
        """The document that is about to be committed."""

    def enter(self, work: Work) -> None:
        """In the transaction that makes the document. Raises Conflict where it must not be made."""

    def withdraw(self, work: Work) -> None:
        """In the transaction that takes the document back."""
