"""Whether a credential that opened something long is still good: sessions end, keys are revoked.

Unlike a request, looking here does not count as use: an open page keeps no session alive.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from uploads.documents.model import Actor, Scope
from uploads.records.protocol import Records, Work
from uploads.security.credentials import SCOPES


class Standing:
    """`idle_seconds` after its last use a session ends."""

    def __init__(
        self, records: Records, clock: Callable[[], datetime], *, idle_seconds: int
    ) -> None:
        self._records = records
        self._clock = clock
        self._idle = timedelta(seconds=idle_seconds)

    def may_read(self, actor: Actor) -> bool:
        """Whether this actor's own credential may still read documents. Raises Unavailable."""
        return self._records.glance(lambda work: self._may_read(work, actor))

    def _may_read(self, work: Work, actor: Actor) -> bool:
        user = work.accounts.user(actor.user_id)
        if user is None or user.disabled_at is not None or actor.credential_id is None:
            return False
        now = self._clock()
        if actor.via == "key":
            key = work.accounts.key(actor.credential_id)
            if key is None or key.revoked_at is not None:
                return False
            ended = key.expires_at is not None and key.expires_at <= now
            return not ended and Scope.DOCUMENTS_READ in key.scopes & SCOPES[user.role]
        session = work.accounts.session(actor.credential_id)
        if session is None:
            return False
        return now < session.expires_at and now < session.last_seen_at + self._idle
