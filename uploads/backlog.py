"""Whether files wait too long for their inspection, asked before another one is begun.

Each that is taken in waits behind its owner's others, and takes up room meanwhile. So who has files
that have waited for too long sends no new ones; and nobody does where workers have been away or too
slow for long, so that owners wait for a turn of theirs. What has begun goes on, and so do
downloads. As soon as the oldest files are inspected, new ones are taken in by themselves.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from uploads.documents.errors import Backlog, Unavailable
from uploads.documents.model import JobKind
from uploads.records.leasing import Waiting
from uploads.records.protocol import Records, Work

_KEPT_SECONDS = 5.0
# So many that were begun and put off are an outage; fewer may be files that cannot be read.
_HELD_UP = 20
# Where more owners than this wait, those that are left are judged like newcomers.
_OWNERS = 1000
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Late:
    """Whose files wait for too long; where all do, those as well who have sent nothing yet."""

    owners: frozenset[str] = frozenset()
    everybody: bool = False


_NOBODY, _EVERYBODY = _Late(), _Late(everybody=True)


class BacklogGuard:
    """Looks at most once in five seconds, at twenty rows; where files are late, once at each owner.

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
        self._late = _NOBODY

    def check(self, owner_id: str) -> None:
        """Return while inspection keeps up with this owner, or while nobody can tell.

        Raises Backlog.
        """
        if self._limit and self._clock() >= self._look_at:
            # Those who come while this one looks hear what was known before.
            self._look_at = self._clock() + _KEPT_SECONDS
            self._note(self._look())
        if owner_id in self._late.owners or self._late.everybody:
            raise Backlog

    def _look(self) -> _Late:
        """Whose files are late."""
        now = self._now()
        try:
            return self._records.glance(lambda work: _late(work, now, now - self._limit))
        except Unavailable as error:
            _log.warning("backlog_not_read", cause=error.cause)
            return _NOBODY

    def _note(self, late: _Late) -> None:
        if late == self._late:
            return
        self._late = late
        if late.everybody:
            _log.error("uploads_refused", cause="files wait too long for their inspection")
        elif late.owners:
            cause = "their own files wait too long for their inspection"
            _log.warning("uploads_refused", cause=cause, owners=sorted(late.owners)[:_HELD_UP])
        else:
            _log.info("uploads_taken_again")


def _late(work: Work, now: datetime, before: datetime) -> _Late:
    """Whose files nobody has begun for too long, or whose very many are put off.

    One file that is put off again and again, since the store cannot read it, holds up nobody.
    """
    stalled = work.jobs.stalled(JobKind.INSPECT, before, _HELD_UP)
    if not stalled:
        return _NOBODY
    waiting = work.jobs.owners_waiting(JobKind.INSPECT, now, "", _OWNERS)
    late = _kept_waiting(waiting, before)
    if late.everybody or len(stalled) < _HELD_UP or not all(times for _, times in stalled):
        return late
    owners = {owner_id for owner_id, _ in stalled}
    if len(owners) == 1 and len(waiting) > 1:
        # Who sent very many before an outage hides those who sent a few.
        others = work.jobs.stalled(JobKind.INSPECT, before, 1, besides=stalled[0][0])
        owners |= {owner_id for owner_id, times in others if times}
    # Of one owner, they are perhaps his files; of several, it is a part that is away.
    return _EVERYBODY if len(owners) > 1 else _Late(late.owners | owners)


def _kept_waiting(waiting: Sequence[Waiting], before: datetime) -> _Late:
    """Those who wait behind their own files; or all, where somebody waits for a turn at all."""
    late = [one for one in waiting if one.since is not None and one.since < before]
    if any(one.turn_at is None or one.turn_at < before for one in late):
        return _EVERYBODY
    return _Late(frozenset(one.owner_id for one in late))
