"""Turns a grant whose bytes are there into a document, in one commit, for a file of any size.

Nothing is read but sizes and the first bytes. From here on it is a document like any other, on the
same line: what is inspected and published is what the worker reads, whatever a client does to
`incoming` meanwhile, and the worker holds it against the digest that was promised.

Crash windows: before the commit nothing has changed and the completion can be repeated; after it
the job is due, hint or no hint.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from uploads.documents.errors import (
    Conflict,
    Incomplete,
    Invalid,
    NotFound,
    ObjectMissing,
    SizeMismatch,
    Unavailable,
    UploadsError,
)
from uploads.documents.granting import Granting, stored_parts
from uploads.documents.grants import Grant, GrantState
from uploads.documents.intake import Hints, Intake, Offer
from uploads.documents.model import Actor, Document, Job, JobKind, State
from uploads.documents.policy import HEAD_BYTES
from uploads.documents.receipts import Keep, keep_nothing
from uploads.documents.refusals import note_refusal
from uploads.records.protocol import Records, Work
from uploads.storage.protocol import Bucket, Storage

_MISSING_NAMED = 1000


class Completion:
    """The verb `complete`. A grant of somebody else's does not exist."""

    def __init__(
        self,
        *,
        granting: Granting,
        records: Records,
        storage: Storage,
        intake: Intake,
        hints: Hints,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        self._granting = granting
        self._records = records
        self._storage = storage
        self._intake = intake
        self._hints = hints
        self._clock = clock
        self._new_id = new_id

    def complete(
        self,
        actor: Actor,
        grant_id: str,
        promised_sha256: str | None = None,
        keep: Keep[Document] = keep_nothing,
    ) -> Document:
        """Make the document, once all bytes are there; the same again when it was made before.

        A client that hashes while it sends promises the digest (lowercase hex) here.

        Raises Invalid for another promise than the one that stands, Incomplete, and where the grant
        ends with it SizeMismatch and the refusals of the policy; Gone and UploadExpired for a grant
        that ended otherwise, NotFound, Unavailable.
        """
        grant = self._granting.get(actor, grant_id)
        made = None
        if grant.state is not GrantState.COMPLETED:
            grant.check_open(self._clock())
            made = self._judge_and_finish(actor, _promising(grant, promised_sha256), keep)
        if made is not None:
            return made
        document = self._made_before(actor, grant)
        if promised_sha256 not in {None, document.promised_sha256}:
            raise _other_promise()
        if keep is not keep_nothing:
            self._records.write_one(lambda work: keep(work, document))
        return document

    def _made_before(self, actor: Actor, grant: Grant) -> Document:
        """The document as it is by now."""
        document = self._records.read(
            lambda work: work.documents.get(actor.user_id, grant.document_id)
        )
        if document is None:
            raise NotFound
        return document

    def _judge_and_finish(
        self, actor: Actor, grant: Grant, keep: Keep[Document]
    ) -> Document | None:
        """The document as it was committed; None where somebody else has completed it meanwhile.

        Raises why not.
        """
        error: UploadsError = Conflict()
        try:
            self._judge(grant)
            made = self._finish(grant, keep)
            if made is not None:
                return made
        except Unavailable:
            raise
        except Incomplete as missing:
            error = missing
        except UploadsError as refusal:
            error = refusal
            self._refuse(actor, grant, refusal.code)
        if self._granting.get(actor, grant.id).state is not GrantState.COMPLETED:
            raise error
        return None

    def _judge(self, grant: Grant) -> None:
        """What can be told without reading the file. Raises what `complete` raises."""
        if grant.part_count > 1:
            self._check_parts(grant)
        try:
            found = self._storage.first(Bucket.INCOMING, grant.part(1).key, HEAD_BYTES)
        except ObjectMissing:
            raise Incomplete([1]) from None
        if found.whole != grant.part(1).size:
            raise SizeMismatch
        # Name, size and type once more: the policy may be another one than a day ago.
        offer = Offer(grant.name, grant.declared_type, grant.sha256, grant.size)
        self._intake.check(offer, found.data)

    def _check_parts(self, grant: Grant) -> None:
        """Raises Incomplete and SizeMismatch."""
        stored = stored_parts(self._storage, grant)
        missing = [number for number, _ in grant.parts() if number not in stored]
        if missing:
            raise Incomplete(missing[:_MISSING_NAMED])
        if any(stored[number] != part.size for number, part in grant.parts()):
            raise SizeMismatch

    def _finish(self, grant: Grant, keep: Keep[Document]) -> Document | None:
        now = self._clock()
        now = now.replace(microsecond=now.microsecond // 1000 * 1000)
        document = Document(
            id=grant.document_id,
            owner_id=grant.owner_id,
            name=grant.name,
            size=grant.size,
            declared_type=grant.declared_type,
            type=grant.type,
            state=State.QUARANTINED,
            created_at=now,
            updated_at=now,
            promised_sha256=grant.sha256,
        )
        job = Job.about(document, JobKind.INSPECT, self._new_id(), now)

        def unit(work: Work) -> bool:
            completed = work.grants.complete(grant, document, job)
            if completed:
                keep(work, document)
            return completed

        write = self._records.write_one if keep is keep_nothing else self._records.write
        if not write(unit):
            return None
        self._hints.job(job.id)
        return document

    def _refuse(self, actor: Actor, grant: Grant, code: str) -> None:
        """Undo what was granted."""
        note_refusal(
            lambda entry: self._granting.end(grant, entry), self._clock(), actor, code, grant.size
        )


def _promising(grant: Grant, sha256: str | None) -> Grant:
    """The grant with what is promised now. Raises Invalid where it was another digest before."""
    if grant.sha256 is not None and sha256 not in {None, grant.sha256}:
        raise _other_promise()
    return grant if sha256 in {None, grant.sha256} else replace(grant, sha256=sha256)


def _other_promise() -> Invalid:
    return Invalid(
        "This upload does not stand under this digest: another one, or none, was promised for it.",
        errors=[{"pointer": "/sha256", "detail": "the digest that was promised before, or none"}],
    )
