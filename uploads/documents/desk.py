"""The quarantine desk: refused files of all owners, for administrators alone.

Here they are looked at, deleted, taken out as samples and, by two different administrators,
released. Nothing here opens a file: what is shown of its bytes is their beginning in numbers, and
of an archive what its directory says. A release is a job: only workers write what is handed out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from uploads.documents import cursors
from uploads.documents.access import inspected
from uploads.documents.errors import (
    Forbidden,
    Gone,
    NotFound,
    NotReleased,
    ObjectMissing,
    UploadsError,
)
from uploads.documents.intake import Hints
from uploads.documents.library import bury
from uploads.documents.model import (
    GONE,
    Actor,
    AuditEntry,
    Document,
    Job,
    JobKind,
    Scope,
    State,
    Verdict,
)
from uploads.documents.readers.members import TAIL_BYTES, Members, read_members
from uploads.documents.receipts import Keep, keep_nothing
from uploads.documents.releases import (
    AT_DESK,
    REQUEST_LASTS,
    Case,
    Release,
    ReleaseState,
    check_releasable,
    checked_reason,
    place_of,
)
from uploads.documents.samples import sealed
from uploads.records.protocol import Leftover, Records, Work
from uploads.records.quarantining import DeskFilter
from uploads.storage.protocol import Bucket, Storage

_HEAD_BYTES = 256
# A release that was confirmed is carried out although the store is away for days.
_PATIENCE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Detail:
    """A file at the desk, looked at closely. `verdicts` are all there were, newest first; `head`
    its first 256 bytes, None where there are none any more; `members` those of an archive."""

    case: Case
    verdicts: Sequence[Verdict]
    head: bytes | None
    members: Members | None


@dataclass(frozen=True, slots=True)
class Sample:
    """The bytes of a refused file, to be taken out. `size` in bytes, before they are sealed."""

    document: Document
    place: tuple[Bucket, str]
    size: int

    @property
    def name(self) -> str:
        """What it is called, without an ending: nothing of what its owner called it."""
        return self.document.sha256 or self.document.id


class QuarantineDesk:
    """Every verb takes who is asking, and raises Forbidden for all but administrators."""

    def __init__(
        self,
        *,
        records: Records,
        storage: Storage,
        hints: Hints,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        self._records = records
        self._storage = storage
        self._hints = hints
        self._clock = clock
        self._new_id = new_id

    def list(
        self, actor: Actor, chosen: DeskFilter, limit: int, cursor: str | None = None
    ) -> tuple[list[Case], str | None]:
        """Newest first, and the cursor of the next page or None. Raises Invalid on a bad cursor."""
        _check(actor)
        before = cursors.read(cursor)
        found = self._records.read(lambda work: work.quarantine.page(chosen, limit + 1, before))
        return cursors.page(found, limit)

    def find(self, actor: Actor, document_id: str) -> Case:
        """One file. Raises NotFound for what is not at the desk, Gone for what was deleted."""
        _check(actor)
        return _at_desk(self._records.read(lambda work: work.quarantine.find(document_id)))

    def look(self, actor: Actor, document_id: str) -> Detail:
        """One file with all that was said of it. Raises NotFound, Gone, StorageUnavailable."""
        case = self.find(actor, document_id)
        verdicts = self._records.read(lambda work: work.quarantine.verdicts(document_id))
        place = place_of(case.document)
        try:
            found = None if place is None else self._storage.stat(*place)
            if place is None or found is None:
                return Detail(case, verdicts, None, None)
            head = self._storage.first(*place, _HEAD_BYTES).data
            return Detail(case, verdicts, head, self._members(place, found.size, head))
        except ObjectMissing:
            return Detail(case, verdicts, None, None)

    def release(
        self,
        actor: Actor,
        document_id: str,
        sha256: str,
        reason: str,
        keep: Keep[Case] = keep_nothing,
    ) -> Case:
        """Ask for the release of exactly these bytes, or confirm what another one asked for.

        The second administrator's word makes a job of it. Raises NotFound, Gone, NotReleased for a
        file that cannot be released, or not by this administrator, Invalid for no reason. A
        refusal is in the audit trail as well.
        """
        _check(actor)
        reason = checked_reason(reason)
        try:
            place = place_of(self.find(actor, document_id).document)
            if place is None or self._storage.stat(*place) is None:
                raise Gone

            def unit(work: Work) -> tuple[Case, Job | None]:
                job = self._release(work, actor, document_id, sha256, reason)
                case = _at_desk(work.quarantine.find(document_id))
                keep(work, case)
                return case, job

            case, job = self._records.write(unit)
        except (Gone, NotReleased) as refusal:
            self._note_refusal(actor, document_id, sha256, reason, refusal)
            raise
        if job is not None:
            self._hints.job(job.id)
        return case

    def delete(self, actor: Actor, document_id: str) -> None:
        """Turn the document into a tombstone; its bytes go within the grace time.

        Raises NotFound for what is not at the desk. Deleting twice is quiet.
        """
        _check(actor)

        def find(work: Work) -> Document | None:
            case = work.quarantine.find(document_id)
            known = case is not None and case.document.state in AT_DESK | GONE
            return case.document if case is not None and known else None

        if self._records.write(lambda work: bury(work, find, self._clock(), actor.user_id)):
            self._hints.sweep()

    def sample(self, actor: Actor, document_id: str) -> Sample:
        """What can be taken out. Raises NotFound, Gone."""
        document = self.find(actor, document_id).document
        place = place_of(document)
        found = None if place is None else self._storage.stat(*place)
        if place is None or found is None:
            raise Gone
        return Sample(document, place, found.size)

    @contextmanager
    def open(self, actor: Actor, sample: Sample) -> Iterator[Iterator[bytes]]:
        """Stream the sample as an encrypted ZIP; who took it is in the audit trail.

        Bytes that are not those of the verdict break it off. Raises Gone, StorageUnavailable.
        """
        _check(actor)
        document, now = sample.document, self._clock()
        entry = AuditEntry(
            now, actor.user_id, "document.sampled", document.id, {"sha256": document.sha256}
        )
        try:
            with self._storage.open_range(*sample.place, 0, sample.size) as pieces:
                self._records.write(lambda work: work.audit.append(entry))
                # Of a failed one nobody knows what its bytes should be.
                whole = pieces if document.state is State.FAILED else inspected(document, pieces)
                yield sealed(f"{sample.name}.bin", document.updated_at, sample.size, whole)
        except ObjectMissing as error:
            raise Gone from error

    def _members(self, place: tuple[Bucket, str], size: int, head: bytes) -> Members | None:
        """Those of an archive, also of one that begins as something else."""
        length = min(size, TAIL_BYTES)
        with self._storage.open_range(*place, size - length, length) as pieces:
            found = read_members(b"".join(pieces), size)
        # What ends an archive may stand in any text: only what has members is one, or begins so.
        return found if found is not None and (found.items or head.startswith(b"PK")) else None

    def _note_refusal(
        self, actor: Actor, document_id: str, sha256: str, reason: str, refusal: UploadsError
    ) -> None:
        """In a commit of its own: the one that was refused leaves nothing."""
        detail = {"sha256": sha256[:64], "reason": reason, "via": actor.via, "why": refusal.public}
        now, action = self._clock(), "document.release-refused"
        entry = AuditEntry(now, actor.user_id, action, document_id, detail)
        self._records.write(lambda work: work.audit.append(entry))

    def _release(
        self, work: Work, actor: Actor, document_id: str, sha256: str, reason: str
    ) -> Job | None:
        now = self._clock()
        work.quarantine.hold(document_id)
        case = _at_desk(work.quarantine.find(document_id))
        check_releasable(case, sha256, now)
        state, release = case.release_state(now), case.release
        if state is ReleaseState.CONFIRMED:
            raise NotReleased("This release is confirmed already and under way.")
        if release is None or state is not ReleaseState.ASKED:
            asked = Release(document_id, sha256, actor.user_id, now, reason, now + REQUEST_LASTS)
            work.quarantine.keep(asked)
            _note(work, now, actor, "document.release-asked", asked, reason)
            return None
        if release.asked_by == actor.user_id:
            raise NotReleased(
                "You asked for this release yourself. Another administrator has to confirm it."
            )
        confirmed = replace(
            release, confirmed_by=actor.user_id, confirmed_at=now, confirmed_reason=reason
        )
        work.quarantine.keep(confirmed)
        _keep_bytes(work, case, now)
        job = Job.about(case.document, JobKind.RELEASE, self._new_id(), now)
        work.jobs.add(job)
        _note(work, now, actor, "document.release-confirmed", confirmed, reason)
        return job


def _check(actor: Actor) -> None:
    if Scope.ADMIN not in actor.scopes:
        raise Forbidden


def _at_desk(case: Case | None) -> Case:
    if case is None:
        raise NotFound
    if case.document.state in GONE:
        raise Gone
    if case.document.state not in AT_DESK:
        raise NotFound
    return case


def _keep_bytes(work: Work, case: Case, now: datetime) -> None:
    """Keep what is to be released from falling due before a worker gets to it. Raises Gone."""
    place = place_of(case.document)
    if place is None or not work.leftovers.announced(*place):
        return
    if case.kept_until is None or not work.leftovers.take_back(*place):
        raise Gone
    work.leftovers.add(Leftover(*place, max(case.kept_until, now + _PATIENCE)))


def _note(
    work: Work, now: datetime, actor: Actor, action: str, release: Release, reason: str
) -> None:
    detail = {"sha256": release.sha256, "reason": reason, "via": actor.via}
    work.audit.append(AuditEntry(now, actor.user_id, action, release.document_id, detail))
