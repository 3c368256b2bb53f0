"""What the records keep of inspection itself: the protocol that `Work` has for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from uploads.documents.canaries import Canary


class Inspections(Protocol):
    """Canaries, and what clean documents were inspected with."""

    def canary(self, engine: str, place: str, *, change: bool = False) -> Canary | None:
        """The last canary of an engine at a place. It stays so until the commit: nobody changes it
        meanwhile, and with `change` nobody else has it held while it is changed."""

    def put_canary(self, canary: Canary) -> None:
        """Write the last word on an engine at a place."""

    def canaries(self, since: datetime) -> Sequence[Canary]:
        """Those tried since then, by engine and place."""

    def everywhere(self, engine: str) -> Sequence[Canary]:
        """The last canaries of an engine at all places, held as by `canary`."""

    def unwithdrawn(self) -> Sequence[Canary]:
        """Those that failed and have left documents to be withdrawn, wherever that was."""

    def forget_canaries(self, before: datetime) -> None:
        """Forget places where nothing was tried any more, unless something is to be withdrawn."""

    def mark(self, document_id: str, engines: str, risk: int) -> bool:
        """Note what a clean document was inspected with. False when it is not clean."""

    def outdated(self, engines: str, limit: int) -> Sequence[str]:
        """Ids of clean documents that were inspected with anything else and have no open job: the
        riskiest first, and the newest of these."""

    def passed(self, since: datetime, until: datetime, limit: int) -> Sequence[str]:
        """Ids of clean documents that came into this state in that time."""

    def distrust(self, since: datetime) -> int:
        """Forget what clean documents were inspected with since then: they are outdated. How many
        these are."""
