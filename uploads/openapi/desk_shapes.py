"""What the API answers about refused files, to administrators."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from uploads.documents.model import State
from uploads.documents.readers.members import MOST
from uploads.documents.releases import ReleaseState
from uploads.openapi.shapes import (
    Bytes,
    Count,
    Cursor,
    Digest,
    DocumentId,
    EngineReport,
    Moment,
    Shape,
    Verdict,
)


class Someone(Shape):
    """A user."""

    id: str
    email: str


class Release(Shape):
    """Who wants these bytes handed out, and why; `ended` and `failed` ones can be asked for anew.

    After `ends_at` nobody can confirm it any more.
    """

    state: ReleaseState
    sha256: Digest
    asked_by: Someone
    asked_at: Moment
    asked_reason: str
    ends_at: Moment
    confirmed_by: Someone | None
    confirmed_at: Moment | None
    confirmed_reason: str | None


class RefusedFile(Shape):
    """A file that is not handed out, or only since it was released, and whose it is.

    `kept_until` is when its bytes are deleted, null where they are kept or gone already.
    """

    id: DocumentId
    name: str
    size: Bytes
    sha256: Digest | None
    declared_type: str | None
    type: str
    state: State
    verdict: Verdict | None
    created_at: Moment
    updated_at: Moment
    owner: Someone
    kept_until: Moment | None
    release: Release | None


class RefusedFilePage(Shape):
    """Refused files, newest first."""

    items: list[RefusedFile]
    next_cursor: Cursor


class FullReport(EngineReport):
    """One engine's word with the reason that it gave."""

    reason: str | None


class Fact(Verdict):
    """One verdict with all that was recorded: about which bytes, by which engines and rules."""

    sha256: Digest
    size: Bytes
    engines: list[FullReport]  # type: ignore[assignment]


class Member(Shape):
    """One entry of an archive, as its directory has it; what steers a screen is escaped."""

    name: str
    size: Bytes | None
    packed: Bytes | None
    encrypted: bool


class Members(Shape):
    """What an archive says is in it, unchecked. `count` is the archive's own word."""

    count: Count
    complete: bool
    items: Annotated[list[Member], Field(max_length=MOST)]


class RefusedFileDetail(RefusedFile):
    """The same with every verdict, newest first, the first 256 bytes in hexadecimal (null where
    there are none any more), and the members of an archive."""

    verdicts: list[Fact]
    head: Annotated[str | None, Field(pattern="^([0-9a-f]{2}){1,256}$")]
    members: Members | None
