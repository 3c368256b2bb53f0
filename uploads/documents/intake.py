"""Accepts one file: judges it while it streams, and answers only when it is safely recorded.

One pass over the bytes: limit, head, digest, segments. What is refused leaves nothing behind but
an audit entry. Who asks before the bytes come is told what `accept` would say of their beginning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol

import structlog

from uploads.documents.errors import (
    CommitUnknown,
    DigestMismatch,
    EmptyFile,
    FileTooLarge,
    UploadsError,
)
from uploads.documents.kinds import FileType
from uploads.documents.model import Actor, AuditEntry, Document, State
from uploads.documents.names import clean_name
from uploads.documents.packs import Packs
from uploads.documents.policy import HEAD_BYTES, Policy
from uploads.documents.quotas import Quotas
from uploads.documents.receipts import Receipt
from uploads.documents.receiving import Receiver
from uploads.documents.refusals import note_refusal
from uploads.documents.spool import Room
from uploads.documents.streams import metered, peek
from uploads.faults import step
from uploads.records.protocol import Records
from uploads.storage.protocol import Storage

_ROOM = 64 * 1024 * 1024
_log = structlog.get_logger(__name__)


class Hints(Protocol):
    """Wakes a worker. A hint may be lost: the database knows what is due."""

    def job(self, job_id: str) -> None: ...

    def sweep(self) -> None: ...

    def deliver(self, webhook_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Offer:
    """What a client says of the file it sends. Nothing of it is believed.

    `expected_sha256` is lowercase hex; `declared_size` in bytes, where the door knows one, else
    `at_least` so many bytes come before the file is taken.
    """

    untrusted_name: str | None
    declared_type: str | None
    expected_sha256: str | None = None
    declared_size: int | None = None
    at_least: int = 0

    @property
    def announced(self) -> int | None:
        """Bytes that need room for certain, None where nobody knows of any."""
        return self.declared_size or self.at_least or None


@dataclass(frozen=True, slots=True)
class Limits:
    """`max_name_bytes` and `segment_bytes` in bytes; `grace_seconds` is the sweeper's patience.

    Files of up to `shared_file_bytes` that one owner sends at the same time share an object.
    """

    max_name_bytes: int
    segment_bytes: int
    segment_seconds: int
    grace_seconds: int
    shared_file_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Received:
    """A file that was judged and read, of whom, and of which nothing is recorded yet."""

    actor: Actor
    receiver: Receiver


class Intake:
    """The verbs `accept`, for every door that streams bytes, and `check`, to ask before.

    Bytes that do not pass through here are judged by `judge_claims` and `check` all the same.

    `check_room` raises StorageFull where a disk is about to be full. It is asked before the first
    byte and with each piece, so it must be cheap. `check_backlog` raises Backlog where
    this owner's files, or everybody's, wait too long already. It is asked before the first byte,
    and by whoever lets bytes come by another door; not again, for what has begun goes on.
    """

    def __init__(
        self,
        *,
        records: Records,
        storage: Storage,
        policy: Policy,
        quotas: Quotas,
        hints: Hints,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        limits: Limits,
        check_room: Callable[[], None] = lambda: None,
        check_backlog: Callable[[str], None] = lambda _: None,
        room: Room | None = None,
    ) -> None:
        self._room = room or Room(_ROOM)
        self._records = records
        self._storage = storage
        self._policy = policy
        self._quotas = quotas
        self._hints = hints
        self._clock = clock
        self._new_id = new_id
        self._limits = limits
        self._packs = Packs(storage, new_id, most_file_bytes=limits.shared_file_bytes)
        self._check_room = check_room
        self.check_backlog = check_backlog

    def check(self, offer: Offer, head: bytes) -> None:
        """Judge a file by its claims and its first `HEAD_BYTES` bytes, with the judges of `accept`.

        Advice that spares its asker a useless upload: it keeps nothing, binds nobody, and `accept`
        judges anew what really comes. Raises TypeNotAllowed, TypeMismatch, BadName, EmptyFile,
        FileTooLarge.
        """
        name, _ = self.judge_claims(offer)
        self._policy.judge(name, offer.declared_type, head)

    def judge_claims(self, offer: Offer) -> tuple[str, FileType]:
        """The clean name and the type of a file that is not refused before its first byte.

        Raises TypeNotAllowed, TypeMismatch, BadName, EmptyFile, FileTooLarge.
        """
        name = clean_name(offer.untrusted_name, self._limits.max_name_bytes)
        kind = self._policy.by_name(name)
        self._policy.check_declared(kind, offer.declared_type)
        if offer.declared_size == 0:
            raise EmptyFile
        if offer.declared_size is not None and offer.declared_size > self._policy.limit(kind):
            raise FileTooLarge(self._policy.limit(kind))
        return name, kind

    def accept(
        self, actor: Actor, offer: Offer, pieces: Iterator[bytes], receipt: Receipt | None = None
    ) -> Document:
        """Take a file in; the document it became is committed when this returns, and a receipt
        with it.

        Raises the refusals of the policy (TypeNotAllowed, TypeMismatch, BadName, EmptyFile,
        FileTooLarge, DigestMismatch, MalformedFile), QuotaExceeded, Backlog, and Unavailable when
        store or database are away.
        """
        return self.commit(self.receive(actor, offer, pieces, receipt))

    def receive(
        self, actor: Actor, offer: Offer, pieces: Iterator[bytes], receipt: Receipt | None = None
    ) -> Received:
        """The first half of `accept`: judge the file and read it to its end. Nothing is recorded
        yet; `commit` or `give_up` must follow. Raises what `accept` raises.
        """
        receiver: Receiver | None = None
        try:
            name, kind = self.judge_claims(offer)
            self._check_room()
            self.check_backlog(actor.user_id)
            self._quotas.foresee(actor.user_id, offer.announced)
            step("s1")
            head, pieces = peek(pieces, HEAD_BYTES)
            step("s2")
            kind = self._policy.judge(name, offer.declared_type, head)
            del head  # thousands of slow clients wait below
            watch = self._policy.watch(kind, offer.declared_type)
            receiver = self._receiver(actor, name, kind, offer, receipt)
            for piece in metered(pieces, self._policy.limit(kind)):
                watch.feed(piece)
                self._check_room()
                receiver.write(piece)
                del piece  # nobody keeps a piece while waiting for the next
            step("s3")
            _check_digest(offer.expected_sha256, receiver.sha256)
            watch.close()
        except BaseException as error:
            self._give_up(actor, receiver, error)
            raise
        return Received(actor, receiver)

    def commit(self, received: Received) -> Document:
        """The second half: store what is left of the file and record it.

        Raises EmptyFile, QuotaExceeded, Conflict where it was waited with for too long, and
        Unavailable.
        """
        try:
            document, job = received.receiver.finish()
        except BaseException as error:
            self.give_up(received, error)
            raise
        self._hints.job(job.id)
        step("s7")
        return document

    def give_up(self, received: Received, error: BaseException) -> None:
        """Undo what was received, for this reason; for whoever does not commit it."""
        self._give_up(received.actor, received.receiver, error)

    def _receiver(
        self, actor: Actor, name: str, kind: FileType, offer: Offer, receipt: Receipt | None
    ) -> Receiver:
        # In milliseconds, which is what clients are told: whoever sorts by it gets our own order.
        now, declared_type = self._clock(), offer.declared_type
        now = now.replace(microsecond=now.microsecond // 1000 * 1000)
        draft = Document(
            id="doc_" + self._new_id(),
            owner_id=actor.user_id,
            name=name,
            size=offer.announced or 0,
            declared_type=declared_type[:200] if declared_type else None,
            type=kind.type,
            state=State.RECEIVING,
            created_at=now,
            updated_at=now,
        )
        return Receiver(
            draft,
            records=self._records,
            storage=self._storage,
            clock=self._clock,
            new_id=self._new_id,
            room=self._room,
            packs=self._packs,
            segment_bytes=self._limits.segment_bytes,
            segment_seconds=self._limits.segment_seconds,
            grace_seconds=self._limits.grace_seconds,
            admit=self._quotas.admit,
            receipt=receipt,
        )

    def _give_up(self, actor: Actor, receiver: Receiver | None, error: BaseException) -> None:
        """Undo what was stored."""
        code = error.code if isinstance(error, UploadsError) else "interrupted"
        size = receiver.size if receiver else 0
        unknown = isinstance(error, CommitUnknown)
        keep = partial(receiver.discard, unknown=unknown) if receiver else self._append
        note_refusal(keep, self._clock(), actor, code, size)

    def _append(self, entry: AuditEntry) -> None:
        self._records.write(lambda work: work.audit.append(entry))


def _check_digest(expected: str | None, actual: str) -> None:
    if expected is not None and expected != actual:
        raise DigestMismatch(expected, actual)
