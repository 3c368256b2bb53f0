"""Gives grants and ends them: the door for bytes that never pass through the service.

A grant is judged by the intake's own judges before it is given, and takes its room at once. The
client puts its bytes into `incoming`, by requests that are signed for exactly these keys and sizes.
Everything is in the database, so a grant outlives a restart of the store and of the service.

Nothing is signed for a store that was not proved to hold clients to a signature, its time, its
length and its type: what it would take in their place nobody has judged.

Crash windows: none in giving, for a grant is one row, made when all is signed. Objects of a grant
that has ended, and those put after its end, are in no row and found by the sweeper.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from uploads.documents.errors import (
    Conflict,
    Invalid,
    NotFound,
    StoreUnproved,
    Unavailable,
    UploadsError,
)
from uploads.documents.grants import (
    LARGEST_PUT,
    PUT_UP_TO,
    Grant,
    GrantMethod,
    GrantState,
    part_size_for,
)
from uploads.documents.intake import Hints, Intake, Offer
from uploads.documents.model import Actor, AuditEntry
from uploads.documents.proofs import Standing, StoreProof, standing
from uploads.documents.quotas import Quotas
from uploads.documents.receipts import Keep, keep_nothing
from uploads.documents.refusals import note_refusal
from uploads.records.protocol import Leftover, Records, Work
from uploads.storage.protocol import Bucket, Storage

PARTS_AT_ONCE = 100
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What a client has to send, exactly so: every header is part of the signature."""

    number: int
    method: str
    url: str
    headers: Mapping[str, str]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Given:
    """A new grant, with the requests that it is shown with."""

    grant: Grant
    requests: Sequence[SignedRequest]


@dataclass(frozen=True, slots=True)
class Terms:
    """`seconds` is the life of a grant, `url_seconds` that of each URL (at most 900)."""

    seconds: int
    url_seconds: int


class Granting:
    """Every verb takes who is asking; a grant of somebody else's does not exist.

    `last_proof` tells what was last proved of the store.
    """

    def __init__(
        self,
        *,
        records: Records,
        storage: Storage,
        intake: Intake,
        quotas: Quotas,
        hints: Hints,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        terms: Terms,
        last_proof: Callable[[], StoreProof | None],
        check_room: Callable[[], None] = lambda: None,
    ) -> None:
        self._records = records
        self._storage = storage
        self._intake = intake
        self._quotas = quotas
        self._hints = hints
        self._clock = clock
        self._new_id = new_id
        self._terms = terms
        self._last_proof = last_proof
        self._check_room = check_room

    def give(
        self,
        actor: Actor,
        offer: Offer,
        size: int,
        method: GrantMethod | None,
        keep: Keep[Given] = keep_nothing,
    ) -> Given:
        """Judge a file of `size` bytes by what is said of it, and grant it room and keys.

        Without a `method` the size decides. Raises the refusals of the policy that need no bytes,
        QuotaExceeded, StorageFull, Backlog, Invalid where one PUT cannot take so much, and
        StoreUnproved.
        """
        self._proof()
        try:
            name, kind = self._intake.judge_claims(offer)
            self._check_room()
            self._intake.check_backlog(actor.user_id)
            grant = self._draft(actor, offer, size, method, name, kind.type)
            given = Given(grant, self.requests(grant))
            self._quotas.add(
                grant, None if keep is keep_nothing else lambda work: keep(work, given)
            )
        except UploadsError as error:
            self._note_refusal(actor, error.code)
            raise
        return given

    def get(self, actor: Actor, grant_id: str) -> Grant:
        """One grant. Raises NotFound for an unknown id and for somebody else's alike."""
        grant = self._records.glance(lambda work: work.grants.get(actor.user_id, grant_id))
        if grant is None:
            raise NotFound
        return grant

    def state(self, grant: Grant) -> GrantState:
        """Where a grant stands now."""
        return grant.state_at(self._clock())

    def received(self, grant: Grant) -> dict[int, int]:
        """Sizes of the parts that are there, by number; of a completed grant all of them.

        Raises StorageUnavailable.
        """
        state = self.state(grant)
        if state is GrantState.COMPLETED:
            return {number: part.size for number, part in grant.parts()}
        return stored_parts(self._storage, grant) if state is GrantState.OPEN else {}

    def requests(self, grant: Grant, numbers: Iterable[int] | None = None) -> list[SignedRequest]:
        """Fresh signed requests for these parts, or for the first ones.

        Raises what `Grant.check_open` raises, and StoreUnproved.
        """
        now = self._clock()
        grant.check_open(now)
        proof = self._proof()
        # Cut to seconds, as the signature's own time is: no URL ends before it is said to.
        now = now.replace(microsecond=0)
        left = int((grant.expires_at - now).total_seconds())
        seconds = max(1, min(self._terms.url_seconds, left))
        checked = proof.checks_sha256
        if numbers is None:
            numbers = range(1, min(grant.part_count, PARTS_AT_ONCE) + 1)
        return [self._request(grant, number, now, seconds, checked) for number in numbers]

    def may_sign(self) -> bool:
        """Whether the store is proved, so that requests for it may be signed."""
        return standing(self._last_proof(), self._clock()) is Standing.PROVED

    def abort(self, actor: Actor, grant_id: str) -> None:
        """End an open grant: its room is back at once, its bytes within the grace time.

        Quiet where it ended already. Raises NotFound, and Conflict where it became a document.
        """
        grant = self.get(actor, grant_id)
        if not self.end(grant) and self.get(actor, grant_id).state is GrantState.COMPLETED:
            raise Conflict("This upload has become a document. Delete that instead.")

    def end(self, grant: Grant, entry: AuditEntry | None = None) -> bool:
        """End a grant whose file will not be taken, whether or not its bytes are there.

        Its room is back with this; what is stored is announced, what is put later is the
        sweeper's. `entry` goes into the trail. Returns whether the grant was open.
        """
        try:
            stored = stored_parts(self._storage, grant)
        except Unavailable as error:
            _log.warning("left_to_the_sweeper", grant=grant.id, cause=error.cause)
            stored = {}
        now = self._clock()

        def unit(work: Work) -> bool:
            if not work.grants.end(grant.id, GrantState.ABORTED):
                return False
            for number in stored:
                work.leftovers.add(Leftover(Bucket.INCOMING, grant.part(number).key, now))
            if entry is not None:
                work.audit.append(entry)
            return True

        ended = self._records.write(unit)
        if ended:
            self._hints.sweep()
        return ended

    def _draft(
        self,
        actor: Actor,
        offer: Offer,
        size: int,
        method: GrantMethod | None,
        name: str,
        type_: str,
    ) -> Grant:
        if method is None:
            method = GrantMethod.PUT if size <= PUT_UP_TO else GrantMethod.MULTIPART
        if method is GrantMethod.PUT and size > LARGEST_PUT:
            problem = {"pointer": "/method", "detail": "one PUT takes at most 5 GiB"}
            raise Invalid("One PUT cannot carry so much. Use `multipart`.", errors=[problem])
        now = self._clock()
        return Grant(
            id="upl_" + self._new_id(),
            owner_id=actor.user_id,
            name=name,
            size=size,
            declared_type=offer.declared_type[:200] if offer.declared_type else None,
            type=type_,
            sha256=offer.expected_sha256,
            method=method,
            part_size=part_size_for(method, size),
            state=GrantState.OPEN,
            created_at=now,
            expires_at=now + timedelta(seconds=self._terms.seconds),
        )

    def _proof(self) -> StoreProof:
        """What the store was proved to do. Raises StoreUnproved where nothing may be signed."""
        proof = self._last_proof()
        found = standing(proof, self._clock())
        if proof is None or found is not Standing.PROVED:
            raise StoreUnproved(found.value)
        return proof

    def _request(
        self, grant: Grant, number: int, now: datetime, seconds: int, checked: bool
    ) -> SignedRequest:
        """`checked` is whether the store was proved to hold a body against its signed checksum;
        else none is signed, and the worker's reading is what counts, as always."""
        part = grant.part(number)
        headers = {"Content-Length": str(part.size)}
        if grant.method is GrantMethod.PUT:
            headers = {"Content-Type": grant.declared_type or grant.type, **headers}
            if checked and grant.sha256 is not None:
                headers = with_checksum(headers, grant.sha256)
        url = self._storage.sign_put(Bucket.INCOMING, part.key, headers=headers, seconds=seconds)
        return SignedRequest(number, "PUT", url, headers, now + timedelta(seconds=seconds))

    def _note_refusal(self, actor: Actor, code: str) -> None:
        note_refusal(self._append, self._clock(), actor, code, 0)

    def _append(self, entry: AuditEntry) -> None:
        self._records.write(lambda work: work.audit.append(entry))


def with_checksum(headers: Mapping[str, str], sha256: str) -> dict[str, str]:
    """The headers of a PUT, and those by which a store holds its body against a SHA-256 (hex)."""
    digest = base64.b64encode(bytes.fromhex(sha256)).decode()
    # Ceph looks at the one only where the other is there.
    checked = {"x-amz-checksum-sha256": digest, "x-amz-sdk-checksum-algorithm": "SHA256"}
    return {**headers, **checked}


def stored_parts(storage: Storage, grant: Grant) -> dict[int, int]:
    """Sizes of the parts that are in the store, by number. Raises StorageUnavailable.

    One HEAD, or for many parts one list, which tells the same of a thousand at once.
    """
    if grant.method is GrantMethod.PUT:
        found = storage.stat(Bucket.INCOMING, grant.part(1).key)
        return {} if found is None else {1: found.size}
    return {
        int(one.key.removeprefix(grant.folder)): one.size
        for one in storage.list(Bucket.INCOMING, grant.folder)
        if grant.has_key(one.key)
    }
