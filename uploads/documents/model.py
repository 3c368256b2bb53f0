"""The nouns of the service: documents, segments, verdicts, renditions, jobs, actors.

Plain frozen values. This module knows no framework, no database and no store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Self


class State(StrEnum):
    """Where a document stands. It changes only by compare-and-set, along `MOVES`."""

    RECEIVING = "receiving"
    QUARANTINED = "quarantined"
    SCANNING = "scanning"
    CLEAN = "clean"
    INFECTED = "infected"
    REJECTED = "rejected"
    UNSCANNABLE = "unscannable"
    FAILED = "failed"
    RELEASED = "released"
    DELETED = "deleted"
    EXPIRED = "expired"


UNSETTLED = frozenset({State.RECEIVING, State.QUARANTINED, State.SCANNING})
SERVABLE = frozenset({State.CLEAN, State.RELEASED})
GONE = frozenset({State.DELETED, State.EXPIRED})
REFUSED = frozenset({State.INFECTED, State.REJECTED, State.UNSCANNABLE, State.FAILED})

_END = frozenset({State.DELETED, State.EXPIRED})
MOVES: Mapping[State, frozenset[State]] = {
    State.RECEIVING: frozenset({State.QUARANTINED}) | _END,
    State.QUARANTINED: frozenset({State.SCANNING, State.FAILED}) | _END,
    State.SCANNING: frozenset({State.QUARANTINED, State.CLEAN}) | REFUSED | _END,
    State.CLEAN: frozenset({State.INFECTED, State.QUARANTINED}) | _END,
    State.INFECTED: frozenset({State.RELEASED}) | _END,
    State.UNSCANNABLE: frozenset({State.RELEASED}) | _END,
    State.REJECTED: frozenset({State.RELEASED}) | _END,
    State.FAILED: _END,
    State.RELEASED: _END,
    State.DELETED: frozenset(),
    State.EXPIRED: frozenset({State.DELETED}),
}


class Outcome(StrEnum):
    """What an engine, or all of them together, said of exactly these bytes."""

    CLEAN = "clean"
    INFECTED = "infected"
    UNSCANNABLE = "unscannable"
    ERROR = "error"
    NOT_CONFIGURED = "not-configured"
    NOT_APPLICABLE = "not-applicable"


@dataclass(frozen=True, slots=True)
class EngineReport:
    """One engine's word on one file.

    `reason` is one of the contract's reason codes (`encrypted`, `bomb`, …) and set only when the
    outcome is `unscannable`; `finding` is the engine's own name for what it found.
    """

    name: str
    version: str
    outcome: Outcome
    signatures: str | None = None
    finding: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """An append-only fact about the bytes with this digest (lowercase hex SHA-256)."""

    outcome: Outcome
    reason: str | None
    sha256: str
    size: int
    inspected_at: datetime
    engines: tuple[EngineReport, ...] = ()


@dataclass(frozen=True, slots=True)
class Segment:
    """One flushed piece of a document: its `size` bytes from `offset`, in an object of `incoming`.

    `start` is where they begin in an object that several documents of one owner share; None says
    that the object is this segment's alone.
    """

    offset: int
    size: int
    key: str
    start: int | None = None


@dataclass(frozen=True, slots=True)
class Rendition:
    """A picture of a document, kept in the clean bucket under `key`. Width and height in pixels."""

    name: str
    type: str
    width: int
    height: int
    size: int
    key: str


@dataclass(frozen=True, slots=True)
class Document:
    """One file and all that is known of it. `size` in bytes, digests lowercase hex SHA-256.

    `promised_sha256` is what a client said of bytes that nobody has read yet: the worker holds it
    against what it reads, before anything else.
    """

    id: str
    owner_id: str
    name: str
    size: int
    declared_type: str | None
    type: str
    state: State
    created_at: datetime
    updated_at: datetime
    sha256: str | None = None
    promised_sha256: str | None = None
    verdict: Verdict | None = None
    renditions: tuple[Rendition, ...] = ()
    expires_at: datetime | None = None
    clean_key: str | None = None
    quarantine_key: str | None = None

    @property
    def settled(self) -> bool:
        return self.state not in UNSETTLED

    @property
    def servable(self) -> bool:
        return self.state in SERVABLE

    def is_over(self, now: datetime) -> bool:
        """Whether its own end has come, be it moved to EXPIRED already or not."""
        return self.expires_at is not None and self.expires_at <= now


class JobKind(StrEnum):
    INSPECT = "inspect"
    RENDER = "render"
    RELEASE = "release"
    RESCAN = "rescan"


class JobState(StrEnum):
    """`due` jobs wait or are leased; the other two are final."""

    DUE = "due"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Job:
    """Work that was recorded in the same commit as the fact that needs it.

    `starts` counts leases that have not yet ended with a word; `deferrals` counts the times the
    work was handed back because a part was unavailable, and `late` those of them in which an engine
    that was well took too long over the file. `owner_id` is the document's:
    owners take turns.
    """

    id: str
    kind: JobKind
    document_id: str
    owner_id: str
    state: JobState
    not_before: datetime
    created_at: datetime
    lease_until: datetime | None = None
    token: int = 0
    starts: int = 0
    deferrals: int = 0
    late: int = 0

    @classmethod
    def about(cls, document: Document, kind: JobKind, job_id: str, now: datetime) -> Self:
        """A new one, which can be begun at once."""
        return cls(job_id, kind, document.id, document.owner_id, JobState.DUE, now, now)


class Role(StrEnum):
    USER = "user"
    ADMIN = "admin"


class Scope(StrEnum):
    DOCUMENTS_READ = "documents:read"
    DOCUMENTS_WRITE = "documents:write"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class User:
    id: str
    email: str
    password_hash: str
    role: Role
    created_at: datetime
    disabled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What a user keeps here: documents that are not gone, uploads on their way included.

    The limits are the user's own: None stands for the service's, 0 for none at all.
    """

    bytes_used: int
    files_used: int
    bytes_limit: int | None = None
    files_limit: int | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """A server-side sign-in. `id` is the SHA-256 of the token in the cookie, never the token."""

    id: str
    user_id: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A program's key `prefix.id.secret`; only the SHA-256 of the secret is kept.

    `made_by` is the id of the key that made it, if one did: it is revoked together with that one.
    """

    id: str
    user_id: str
    name: str
    secret_hash: str
    scopes: frozenset[Scope]
    created_at: datetime
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
    expires_at: datetime | None = None
    made_by: str | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is asking: resolved once at the door, handed to every service verb."""

    user_id: str
    email: str
    role: Role
    scopes: frozenset[Scope]
    via: str = "session"
    credential_id: str | None = None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the append-only trail. `detail` never holds content, keys or signatures."""

    at: datetime
    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any] = field(default_factory=dict)
