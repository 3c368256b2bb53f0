"""The grant: one file that a client may put into `incoming` itself, by signed URLs.

A plain value and its arithmetic: which parts it has, under which keys, of which sizes. A grant by
one PUT has one part. Knows neither the store nor how a URL is signed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from uploads.documents.errors import Conflict, Gone, UploadExpired
from uploads.documents.model import Segment

MIB = 1024 * 1024
# A client on a bad line sends one PUT anew from its start: above this it gets parts.
PUT_UP_TO = 64 * MIB
PART_BYTES = 16 * MIB
MOST_PARTS = 10_000
# The most that one PutObject takes ("Amazon S3 multipart upload limits").
LARGEST_PUT = 5 * 1024 * MIB


class GrantMethod(StrEnum):
    PUT = "put"
    MULTIPART = "multipart"


class GrantState(StrEnum):
    """Open grants may be completed; the other three are final."""

    OPEN = "open"
    COMPLETED = "completed"
    ABORTED = "aborted"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Grant:
    """What was granted. `size` and `part_size` in bytes, `sha256` is the client's promise.

    `expires_at` ends the grant; each of its URLs ends long before that.
    """

    id: str
    owner_id: str
    name: str
    size: int
    declared_type: str | None
    type: str
    sha256: str | None
    method: GrantMethod
    part_size: int
    state: GrantState
    created_at: datetime
    expires_at: datetime

    @property
    def document_id(self) -> str:
        """The document that this grant becomes, or became."""
        return "doc_" + self.id.removeprefix("upl_")

    @property
    def part_count(self) -> int:
        return -(-self.size // self.part_size)

    def part(self, number: int) -> Segment:
        """Part `number`, counted from 1, as the segment that it will be."""
        offset = (number - 1) * self.part_size
        size = min(self.part_size, self.size - offset)
        return Segment(offset, size, f"{self.folder}{number:05d}")

    def parts(self) -> Iterator[tuple[int, Segment]]:
        """All parts with their numbers, in order."""
        return ((number, self.part(number)) for number in range(1, self.part_count + 1))

    @property
    def folder(self) -> str:
        """What the keys of all parts begin with."""
        return f"{self.id.removeprefix('upl_')}/"

    def has_key(self, key: str) -> bool:
        """Whether this is the key of one of the parts."""
        number = key.removeprefix(self.folder)
        if len(number) != 5 or not (number.isascii() and number.isdecimal()):
            return False
        return 1 <= int(number) <= self.part_count

    def state_at(self, now: datetime) -> GrantState:
        """The state, where nobody has yet recorded that the time is up."""
        over = self.state is GrantState.OPEN and now >= self.expires_at
        return GrantState.EXPIRED if over else self.state

    def check_open(self, now: datetime) -> None:
        """Raises Conflict for a completed grant, UploadExpired, and Gone for an aborted one."""
        state = self.state_at(now)
        if state is GrantState.COMPLETED:
            raise Conflict("This upload is complete. Its document takes no further bytes.")
        if state is GrantState.EXPIRED:
            raise UploadExpired
        if state is GrantState.ABORTED:
            raise Gone("This upload was ended and its bytes are deleted. Begin a new one.")


def grant_id_of(key: str) -> str:
    """The grant that a key in `incoming` could be of."""
    return "upl_" + key.split("/", 1)[0]


def part_size_for(method: GrantMethod, size: int) -> int:
    """Bytes of each part but the last: 16 MiB, or whole MiB more where parts would be too many."""
    if method is GrantMethod.PUT:
        return size
    least = -(-size // MOST_PARTS)
    return max(PART_BYTES, -(-least // MIB) * MIB)
