"""Clears `clean` and `quarantine` of objects in no row, as they stay when a database is restored.

By the operator's command alone: to a service that was started on another database, all that there
is would seem superfluous. Announced in the ledger, and deleted by the reaper when they are due.

Nothing goes that a worker is about to publish. Its key is in the ledger from before its bytes are
put until the commit that names it; so who does not find it there, and then in no document, will
find it nowhere later. And both the time in its key and the store's have to be long past.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

from uploads.clock import made_at
from uploads.records.protocol import Leftover, Records, Work
from uploads.storage.protocol import Bucket, ObjectStat
from workers.reconcile import Place, Report, published

SAFE_AGE = timedelta(days=1)
"""In addition to the grace time."""

CLEARED = (Bucket.CLEAN, Bucket.QUARANTINE)
"""Of `incoming` every sweep does it."""


class Clearing:
    """Announces what a check has found superfluous, to be deleted after the `grace` time."""

    def __init__(self, records: Records, clock: Callable[[], datetime], grace: timedelta) -> None:
        self._records = records
        self._clock = clock
        self._grace = grace

    def old_enough(self, report: Report) -> list[Place]:
        """Which of the report's strays may go."""
        before = self._clock() - self._grace - SAFE_AGE
        return [
            (bucket, found.key)
            for bucket, found in report.strays
            if bucket in CLEARED and _is_older(found, before)
        ]

    def announce(self, places: list[Place]) -> Counter[str]:
        """Announce these, as far as nothing names them now; how many, by bucket."""
        done: Counter[str] = Counter()
        for place in places:
            leftover = Leftover(*place, self._clock() + self._grace)
            if self._records.write(lambda work: _announce(work, leftover)):  # noqa: B023
                done[place[0].value] += 1
        return done


def _is_older(found: ObjectStat, before: datetime) -> bool:
    """By the clock of whoever made its key, and by the store's. Other keys are not ours."""
    made = made_at(found.key.rpartition("/")[2])
    return made is not None and max(made, found.modified_at) < before


def _announce(work: Work, leftover: Leftover) -> bool:
    place = leftover.bucket, leftover.key
    # In this order: see above.
    if work.leftovers.announced(*place):
        return False
    document = work.documents.find("doc_" + leftover.key.partition("/")[0])
    if document is not None and place in set(published(document)):
        return False
    work.leftovers.add(leftover)
    return True
