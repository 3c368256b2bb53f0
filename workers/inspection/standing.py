"""Whether the engines are believed now: asked in the very transaction that publishes.

A canary that fails is written with a lock on the same row. So whoever publishes has either seen
that it failed, or is seen by those who then withdraw what became clean before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from uploads.documents.canaries import SCANNER, Canary, Needs, fingerprint
from uploads.documents.model import EngineReport, Outcome
from uploads.records.protocol import Records, Work
from workers.inspection.engine import EngineUnavailable


class Standing:
    """What the last canaries at this `place` said of `engines`; an older word than `bound` is none.

    `absent` are the reports of engines that are not configured, as verdicts have them.
    """

    def __init__(
        self,
        *,
        records: Records,
        engines: Sequence[str],
        absent: Sequence[EngineReport],
        place: str,
        clock: Callable[[], datetime],
        bound: timedelta,
        needs: Needs,
    ) -> None:
        self.place = place
        self.needs = needs
        self._records = records
        self._engines = engines
        self._absent = absent
        self._clock = clock
        self._bound = bound

    def vouch(self, work: Work) -> None:
        """Return when all engines are believed until this transaction ends.

        Raises EngineUnavailable otherwise: what they said of a file waits.
        """
        now = self._clock()
        for name in self._engines:
            said = work.inspections.everywhere(name)
            canary = next((one for one in said if one.place == self.place), None)
            if canary is None or not canary.vouches(now, self._bound):
                raise EngineUnavailable(f"{name} has not proved itself")
            if canary.outlived(said):
                raise EngineUnavailable(f"{name} has failed elsewhere since it proved itself")
            if reason := self.needs.check(canary, now):
                raise EngineUnavailable(f"{name} {reason}")

    def last(self) -> dict[str, Canary]:
        """The last word on each engine here that is no older than the bound."""
        return {one.engine: one for one in self._recent() if one.place == self.place}

    def trusted(self) -> dict[str, Canary]:
        """The same without those whose engine has failed elsewhere since."""
        said = self._recent()
        return {
            one.engine: one for one in said if one.place == self.place and not one.outlived(said)
        }

    def _recent(self) -> Sequence[Canary]:
        since = self._clock() - self._bound
        return self._records.read(lambda work: work.inspections.canaries(since))

    def current(self) -> str | None:
        """The fingerprint of what is inspected with here; None while it is not known."""
        last = self.last()
        canaries = [last[name] for name in self._engines if name in last and last[name].ok]
        if len(canaries) < len(self._engines):
            return None
        present = [
            EngineReport(one.engine, one.version, Outcome.CLEAN, one.signatures) for one in canaries
        ]
        return fingerprint([*present, *self._absent])

    def reach(self) -> int:
        """The largest file in bytes that the virus scanner was proved to read to its end."""
        canary = self.last().get(SCANNER)
        return (canary.reach if canary else None) or 0

    def unpacks(self) -> int | None:
        """The same of what an archive unpacks to; None where it was not tried, or has no need."""
        canary = self.last().get(SCANNER)
        return canary.unpacks if canary else None
