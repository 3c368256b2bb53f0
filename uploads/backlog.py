"""Whether files wait too long for their inspection, asked before another one is begun.

Each that is taken in waits behind all others and takes up room meanwhile. So where workers have
been away or too slow for long, new uploads are refused; what has begun goes on, and so do
downloads. As soon as the oldest files are inspected, new ones are taken in by themselves.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from uploads.documents.errors import Backlog, Unavailable
from uploads.documents.model import JobKind
from uploads.records.protocol import Records

_KEPT_SECONDS = 5.0
# So many that were begun and put off are an outage; fewer may be files that cannot be read.
_HELD_UP = 20
_log = structlog.get_logger(__name__)


class BacklogGuard:
    """Looks at most once in five seconds, at twenty rows at most.

    `limit_seconds` is how long a file may wait; 0 is for ever. `now` is the time of the records,
    `clock` is monotonic seconds.
    """

    def __init__(
        self,
        records: Records,
        *,
        limit_seconds: int,
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._records = records
        self._limit = timedelta(seconds=limit_seconds)
        self._now = now
        self._clock = clock
        self._look_at = float("-inf")
        self._late = False

    def check(self) -> None:
        """Return while inspection keeps up, or while nobody can tell. Raises Backlog."""
        if self._limit and self._clock() >= self._look_at:
            # Those who come while this one looks hear what was known before.
            self._look_at = self._clock() + _KEPT_SECONDS
            self._note(self._look())
        if self._late:
            raise Backlog

    def _look(self) -> bool:
        """Whether a file that no worker ever put off is too old, or very many that were.

        One file that is put off again and again, since the store cannot read it, holds up nobody.
        """
        before = self._now() - self._limit
        try:
            put_off = self._records.glance(
                lambda work: work.jobs.stalled(JobKind.INSPECT, before, _HELD_UP)
            )
        except Unavailable as error:
            _log.warning("backlog_not_read", cause=error.cause)
            return False
        return 0 in put_off or len(put_off) == _HELD_UP

    def _note(self, late: bool) -> None:
        if late and not self._late:
            _log.error("uploads_refused", cause="files wait too long for their inspection")
        elif self._late and not late:
            _log.info("uploads_taken_again")
        self._late = late
