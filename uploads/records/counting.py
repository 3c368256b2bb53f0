"""What the records keep of how much users have here: the protocol that `Work` has for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from uploads.documents.model import Usage


class Usages(Protocol):
    def of(self, user_id: str) -> Usage:
        """What a user keeps here now; zeros for one who never kept anything."""

    def set_limits(self, user_id: str, bytes_limit: int | None, files_limit: int | None) -> None:
        """Give a user limits of its own: None is the service's, 0 is none at all."""

    def drifted(self) -> Sequence[str]:
        """Ids of users whose usage is not the sum of their documents and open grants: there must
        be none."""
