"""What the records keep of proofs about stores: the protocol that `Work` has for them."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from uploads.documents.proofs import StoreProof


class Proofs(Protocol):
    """The last word on each store, by its public address and the bucket that is put into."""

    def last(self, address: str, bucket: str) -> StoreProof | None:
        """One row by its key; None where nobody has tried that store."""

    def record(self, proof: StoreProof) -> None:
        """Write what a try has found, in the place of all that was known."""

    def note_try(self, proof: StoreProof) -> None:
        """Write that a try could not be carried out: its time and its words. In one statement, so
        that it takes nothing back that another worker finds out meanwhile."""

    def forget(self, before: datetime) -> None:
        """Forget stores that nobody has tried since then."""
