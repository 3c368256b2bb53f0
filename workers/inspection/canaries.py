"""Engines that prove themselves: a file that each must find, and one that each must pass.

By the real engines, at a worker's start, every few minutes, and before an inspection where the last
proof is old. An engine that does not answer is away, and its jobs wait. One that answers wrongly is
not believed, nor one that knows itself to be of no use (its rules do not compile), which is asked
at every sweep: nothing is published (`Standing`). Where one let the bad file pass, everything that
became clean since it last proved itself is withdrawn. A place where it never did takes over from
whoever saw it well last, for workers come and go, and their hosts' names with them.

Crash window: a process that dies between the commit that says so and the last withdrawal leaves
`withdraw_from` behind. Any worker's next sweep goes on with it, and that place publishes nothing
before.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from uploads.documents.canaries import SCANNER, Canary
from uploads.documents.errors import Unavailable
from uploads.documents.intake import Hints
from uploads.documents.model import AuditEntry, EngineReport, Outcome
from uploads.records.protocol import Records, Work
from workers.inspection.bundles import MOST, write_bundle
from workers.inspection.engine import Engine, EngineUnavailable, SelfChecking, Subject
from workers.inspection.reach import Probe
from workers.inspection.standing import Standing
from workers.sandbox.parent import CellKilled
from workers.scratch import Scratch, write
from workers.withdrawing import withdraw

_log = structlog.get_logger(__name__)
_AT_ONCE = 100
_PROBED_EACH = timedelta(hours=1)
_AGAIN = timedelta(seconds=5)
# Clocks are set back at times; a few documents too many are looked at anew then.
_SLACK = timedelta(minutes=1)
_EICAR = ("X5O!P%@AP[4\\PZX54(P^)7CC)7}", "$EICAR-STANDARD-ANTIVIRUS-", "TEST-FILE!$H+H*")


def eicar() -> bytes:
    """The test file that every virus scanner knows (eicar.org), which is in no file of ours."""
    return "".join(_EICAR).encode()


def _harmless() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", "a canary that sings\n")
    return packed.getvalue()


def _bundled(last: bytes) -> bytes:
    """As small members are shown in a bundle, the virus behind as many as there may be."""
    packed = io.BytesIO()
    write_bundle(packed, [*(b"canary %d\n" % number for number in range(1, MOST)), last])
    return packed.getvalue()


@dataclass(frozen=True, slots=True)
class Bait:
    """A file that an engine must not pass: our type for it, and the outcome that it must have."""

    type: str
    outcome: Outcome


_BAITS: Mapping[str, Bait] = {
    # It knows no viruses, but sees that this is no archive.
    "structure": Bait("application/zip", Outcome.UNSCANNABLE),
}
_BAIT = Bait("text/plain", Outcome.INFECTED)


@dataclass(frozen=True, slots=True)
class Song:
    """How one engine did. `missed`: it let the bad file pass."""

    begun: datetime
    report: EngineReport
    fault: str = ""
    missed: bool = False
    reach: int | None = None
    unpacks: int | None = None
    probed_at: datetime | None = None


def hear(engine: Engine, scratch: Scratch, name: str, now: datetime) -> Song:
    """Both files, each as `name`, through one engine.

    Raises EngineUnavailable, Unavailable, CellKilled.
    """
    bait = _BAITS.get(engine.name, _BAIT)
    found = _ask(engine, scratch, name, bait.type, eicar())
    if found.outcome is not bait.outcome:
        fault = f"called a virus {found.outcome.value}"
        return Song(now, found, fault, missed=found.outcome is not Outcome.UNSCANNABLE)
    if engine.name == SCANNER:
        found = _ask(engine, scratch, name, "application/x-tar", _bundled(eicar()))
        if found.outcome is not Outcome.INFECTED:
            return Song(now, found, "did not look into a bundle to its end", missed=True)
    passed = _ask(engine, scratch, name, "application/zip", _harmless())
    if passed.outcome is not Outcome.CLEAN:
        return Song(now, passed, f"called a harmless file {passed.outcome.value}")
    return Song(now, passed)


def _unfit(engine: Engine, now: datetime) -> Song | None:
    """What an engine says that knows itself to be of no use; nothing passed it, it has no word."""
    fault = engine.fault() if isinstance(engine, SelfChecking) else ""
    return Song(now, EngineReport(engine.name, "", Outcome.UNSCANNABLE), fault) if fault else None


def _ask(engine: Engine, scratch: Scratch, name: str, media_type: str, data: bytes) -> EngineReport:
    with scratch.file(name) as path:
        write(path, [data])
        digest = hashlib.sha256(data).hexdigest()
        report = engine.inspect(Subject(path, len(data), digest, media_type, "canary"))
    if report.reason == "timeout":
        raise EngineUnavailable("it took too long over a canary")
    return report


class Canaries:
    """Tries engines and writes down what became of it. `every` is how long a proof is enough."""

    def __init__(
        self,
        *,
        records: Records,
        engines: Sequence[Engine],
        standing: Standing,
        probe: Probe | None,
        scratch_files: Scratch,
        hints: Hints,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        every: timedelta,
    ) -> None:
        self._records = records
        self._engines = engines
        self._standing = standing
        self._probe = probe
        self._scratch = scratch_files
        self._hints = hints
        self._clock = clock
        self._new_id = new_id
        self._every = every

    def try_all(self, *, thorough: bool = True) -> dict[str, str]:
        """Try every engine now; `thorough` with the costly proof as well, where it is due.

        Returns a word on each: empty for a good one.
        """
        return {engine.name: self._try(engine, thorough=thorough) for engine in self._engines}

    def try_stale(self) -> None:
        """Try those whose last proof is old, that failed a while ago, or elsewhere since, and those
        that say of themselves what was not known."""
        now, last = self._clock(), self._standing.trusted()
        for engine in self._engines:
            canary = last.get(engine.name)
            rest = self._every if canary is not None and canary.ok else _AGAIN
            if canary is None or canary.tried_at <= now - rest or self._has_news(engine, canary):
                self._try(engine, thorough=self._standing.needs.strict)

    def try_changed(self) -> None:
        """Try those that were of use when last tried and say now that they are not, or the other
        way round: cheap enough for every few seconds, so that readiness knows without an upload."""
        last = self._standing.last()
        for engine in self._engines:
            canary = last.get(engine.name)
            if canary is not None and self._has_news(engine, canary):
                self._try(engine, thorough=self._standing.needs.strict)

    def _has_news(self, engine: Engine, canary: Canary) -> bool:
        if not isinstance(engine, SelfChecking) or engine.fault() == canary.detail:
            return False
        return canary.ok or canary.tried_at <= self._clock() - _AGAIN

    def _try(self, engine: Engine, *, thorough: bool) -> str:
        self._withdraw(engine.name)
        try:
            name = f"canary-{self._new_id()}"
            song = _unfit(engine, self._clock()) or hear(engine, self._scratch, name, self._clock())
            if not song.fault and engine.name == SCANNER and self._probe is not None:
                song = self._probed(self._probe, song, thorough=thorough)
        except (EngineUnavailable, Unavailable, CellKilled) as error:
            cause = getattr(error, "cause", "") or str(error)
            _log.warning("engine_silent", engine=engine.name, cause=cause)
            return f"does not answer: {cause}"
        self._records.write(lambda work: self._note(work, engine.name, song))
        if song.fault:
            _log.error("engine_failed", engine=engine.name, fault=song.fault)
            self._withdraw(engine.name)
        return song.fault

    def _probed(self, probe: Probe, song: Song, *, thorough: bool) -> Song:
        """How far the scanner reads, tried where it may have changed or was never tried."""
        last, needs = self._standing.last().get(SCANNER), self._standing.needs
        reach, unpacks, at = None, None, None
        if last is not None and last.ok and self._as_before(last, song):
            reach, unpacks, at = last.reach, last.unpacks, last.probed_at
        with self._scratch.file(f"probe-{self._new_id()}") as path:
            if reach is None or at is None:
                reach, at = probe.reach(path, needs.reach), song.begun
            if thorough and unpacks is None:
                unpacks = probe.unpacks(path, needs.unpacks, needs.archive)
        return replace(song, reach=reach, unpacks=unpacks, probed_at=at)

    def _as_before(self, last: Canary, song: Song) -> bool:
        same = (last.version, last.signatures) == (song.report.version, song.report.signatures)
        return same and last.probed_at is not None and last.probed_at > song.begun - _PROBED_EACH

    def _note(self, work: Work, name: str, song: Song) -> None:
        before = work.inspections.canary(name, self._standing.place, change=True)
        # Only now: what was published until this row was held is older than this.
        now = self._clock()
        good_at = before.good_at if before else None
        canary = Canary(
            engine=name,
            place=self._standing.place,
            tried_at=now,
            ok=not song.fault,
            version=song.report.version,
            signatures=song.report.signatures,
            good_at=good_at if song.fault else song.begun,
            failed_at=before.failed_at if before else None,
            withdraw_from=before.withdraw_from if before else None,
            reach=song.reach,
            unpacks=song.unpacks,
            probed_at=song.probed_at,
            detail=song.fault,
        )
        if song.missed and (before is None or good_at is not None):
            # Once: what others publish afterwards is not ours to doubt.
            since = good_at if before else _last_good(work, name)
            doubted = since and since - _SLACK
            canary = replace(canary, good_at=None, failed_at=now, withdraw_from=doubted)
        work.inspections.put_canary(canary)
        if (before is None or before.ok) != canary.ok:
            action = "engine.well" if canary.ok else "engine.failed"
            detail = {"place": canary.place, "found": song.fault}
            work.audit.append(AuditEntry(now, "worker", action, name, detail))

    def go_on(self) -> None:
        """Finish what a worker has left to be withdrawn, whichever it was."""
        pending = self._records.read(lambda work: work.inspections.unwithdrawn())
        for engine in {one.engine for one in pending}:
            self._withdraw(engine)

    def _withdraw(self, name: str) -> None:
        """Take back everything that became clean since the engine last proved itself."""
        for canary in self._records.read(lambda work: work.inspections.unwithdrawn()):
            if canary.engine == name:
                self._withdraw_at(name, canary.place)

    def _withdraw_at(self, name: str, place: str) -> None:
        while True:
            count, woken = self._records.write(lambda work: self._withdraw_some(work, name, place))
            for webhook_id in woken:
                self._hints.deliver(webhook_id)
            if not count:
                return
            _log.error("verdicts_withdrawn", engine=name, count=count)

    def _withdraw_some(self, work: Work, name: str, place: str) -> tuple[int, Sequence[str]]:
        canary = work.inspections.canary(name, place, change=True)
        if canary is None or canary.withdraw_from is None or canary.failed_at is None:
            return 0, ()
        now, reason = self._clock(), {"engine": name, "found": canary.detail}
        ids = work.inspections.passed(canary.withdraw_from, canary.failed_at, _AT_ONCE)
        for document_id in ids:
            withdraw(work, document_id, self._new_id(), now, reason)
        if not ids:
            # What was clean before and was only looked at again meanwhile stays, and is again.
            work.inspections.distrust(canary.withdraw_from)
            work.inspections.put_canary(replace(canary, withdraw_from=None))
        return len(ids), work.documents.woken


def _last_good(work: Work, name: str) -> datetime | None:
    """When an engine last proved itself anywhere."""
    return max(
        (one.good_at for one in work.inspections.everywhere(name) if one.good_at), default=None
    )
