"""The trail of what was refused: one entry, the same for every door."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import structlog

from uploads.documents.errors import Unavailable
from uploads.documents.model import Actor, AuditEntry

_log = structlog.get_logger(__name__)


def note_refusal(
    keep: Callable[[AuditEntry], object], at: datetime, actor: Actor, code: str, size: int
) -> None:
    """Have an upload's refusal kept, after `size` bytes of it; `keep` undoes the rest with it.

    The refusal is what the client hears, whatever happens here: what cannot be undone now is the
    sweeper's.
    """
    detail = {"code": code, "bytes": size}
    try:
        keep(AuditEntry(at, actor.user_id, "upload.refused", code, detail))
    except Unavailable as error:
        _log.warning("refusal_not_recorded", code=code, cause=error.cause)
