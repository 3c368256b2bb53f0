"""Whose job is next: owners take turns, so that nobody waits behind all that another one has sent.

Who has the fewest jobs under way comes first, then whose last turn was longest ago, then who has
waited for longest. Of one owner's jobs the oldest comes first. So each of them has a turn while
every other one has one, however many jobs the others have: nothing is overtaken for ever, and no
age puts a job before others, for all of a long queue are old.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from uploads.documents.model import JobKind
from uploads.records.leasing import Waiting
from uploads.records.protocol import Records

# So many owners are looked at for one job: some milliseconds, however many wait.
_LOOKED_AT = 100
# Others choose at the same moment: for each that is taken meanwhile there is another one.
_NAMED = 8
_NEVER = datetime.min.replace(tzinfo=UTC)


class Turns:
    """One process's way through the owners. It remembers only where it stopped, where they are
    too many to be looked at all at once."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._after: dict[JobKind, str] = {}

    def next(self, kind: JobKind, now: datetime) -> Sequence[str]:
        """Some owners of jobs of this kind that can be begun, whose turn it is first; else none."""
        after, seen = self._after.get(kind, ""), set[str]()
        while True:
            found = self._look_around(kind, now, after)
            owners, ids = in_turn(found), {one.owner_id for one in found}
            more = len(found) == _LOOKED_AT
            after = found[-1].owner_id if more else ""
            # Whoever was the first may be gone by then: it ends where anybody is seen again.
            if owners or not more or seen & ids:
                self._after[kind] = after
                return owners[:_NAMED]
            seen |= ids

    def _look_around(self, kind: JobKind, now: datetime, after: str) -> Sequence[Waiting]:
        """Those who follow, and from the end on the first ones again.

        So each look is at as many, and each owner is looked at as often as any other.
        """
        found = self._look(kind, now, after, _LOOKED_AT)
        if not after or len(found) == _LOOKED_AT:
            return found
        others = self._look(kind, now, "", _LOOKED_AT - len(found))
        return [*found, *(one for one in others if one.owner_id <= after)]

    def _look(self, kind: JobKind, now: datetime, after: str, most: int) -> Sequence[Waiting]:
        return self._records.glance(lambda work: work.jobs.owners_waiting(kind, now, after, most))


def in_turn(found: Sequence[Waiting]) -> Sequence[str]:
    """Those who have something that can be begun, in the order of their turns."""
    free = [
        (one.leased, one.turn_at or _NEVER, one.since, one.owner_id) for one in found if one.since
    ]
    return [owner_id for *_, owner_id in sorted(free)]
