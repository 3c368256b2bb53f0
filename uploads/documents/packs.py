"""Small files of one owner that come at the same time, stored as one object.

For a store a request is more work than a hundred kilobytes are. So a small file that is ready
while another of its owner is on its way waits for that, and goes with all that wait by then. Alone
it goes at once, as an object of its own. Files of different owners never share one.

Nobody knows of an object that is shared when the last of its files will be recorded, or that it
will be. So they have `RECORDED_WITHIN` for it, and only `left_alone` after one of them settled, was
refused or deleted, the object may go; what is between the two is for clocks that differ.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from uploads.documents.errors import StorageUnavailable
from uploads.storage.protocol import Bucket, Storage

SHARED = "shared/"
"""What the keys of shared objects begin with. All others begin with the id of their document."""

RECORDED_WITHIN = timedelta(minutes=5)
"""From the last byte on, where three quarters of the grace time are not less."""

_LEFT_ALONE = timedelta(minutes=7)
_TOGETHER_BYTES = 4 * 1024 * 1024
# So long one waits for those before it: a connection that hangs must not hold up all of an owner.
_PATIENCE_SECONDS = 1.0


def is_shared(key: str) -> bool:
    """Whether an object of `incoming` may hold bytes of several documents."""
    return key.startswith(SHARED)


def left_alone(grace: timedelta) -> timedelta:
    """How long an object that is shared stays after it was first said to be superfluous."""
    return min(_LEFT_ALONE, grace * 7 / 8)


@dataclass(slots=True)
class Parcel:
    """A small file on its way. `key` is its own; where it is put with others, `key` and `start` say
    in which object and from which byte on, from the moment on from which it may be there."""

    key: str
    body: Iterable[bytes]
    size: int
    start: int | None = None


class Packs:
    """Stores files of up to `most_file_bytes`, of each owner one object after the other."""

    def __init__(
        self, storage: Storage, new_id: Callable[[], str], *, most_file_bytes: int
    ) -> None:
        self._storage = storage
        self._new_id = new_id
        self._most_file_bytes = most_file_bytes
        self._lines: dict[str, deque[_Waiting]] = {}
        self._turn = threading.Lock()

    def takes(self, size: int) -> bool:
        """Whether a file of so many bytes is a small one."""
        return size <= self._most_file_bytes

    def put(self, owner_id: str, parcel: Parcel) -> None:
        """Store it. Raises what `Storage.put` raises, for all that were to be one object."""
        mine = _Waiting(parcel)
        with self._turn:
            line = self._lines.get(owner_id)
            if line is None:
                self._lines[owner_id] = deque()
            else:
                line.append(mine)
        if line is None or self._called(owner_id, mine):
            self._carry(owner_id, parcel)
        elif mine.error is not None:
            raise mine.error

    def _called(self, owner_id: str, mine: _Waiting) -> bool:
        """Wait; true where this one is to carry the next object, false where it was carried."""
        try:
            if not mine.wait(_PATIENCE_SECONDS) and self._left(owner_id, mine):
                return True
            mine.wait()
        except BaseException:  # whoever waits is ended: its bytes will not be there for long
            if not self._left(owner_id, mine):
                mine.wait()
                if mine.leads:
                    self._call_next(owner_id)
            raise
        return mine.leads

    def _left(self, owner_id: str, mine: _Waiting) -> bool:
        """Whether it could still leave the line."""
        with self._turn:
            line = self._lines.get(owner_id, ())
            if mine not in line:
                return False
            self._lines[owner_id].remove(mine)
            return True

    def _carry(self, owner_id: str, parcel: Parcel) -> None:
        """Store this one and those that wait, and call the next."""
        others: Sequence[_Waiting] = ()
        error: Exception | None = StorageUnavailable("who was storing it was ended")
        try:
            time.sleep(0)  # whose last byte has come as well joins; nobody is waited for
            others = self._joining(owner_id, parcel)
            self._store([parcel, *(one.parcel for one in others)])
            error = None
        except Exception as raised:
            error = raised
            raise
        finally:
            self._call_next(owner_id)
            for one in others:
                one.error = error
                one.ring()

    def _joining(self, owner_id: str, parcel: Parcel) -> list[_Waiting]:
        found: list[_Waiting] = []
        with self._turn:
            line, size = self._lines.get(owner_id), parcel.size
            while line and size + line[0].parcel.size <= _TOGETHER_BYTES:
                found.append(line.popleft())
                size += found[-1].parcel.size
        return found

    def _store(self, parcels: Sequence[Parcel]) -> None:
        size = 0
        if len(parcels) > 1:
            key = SHARED + self._new_id()
            for one in parcels:
                one.key, one.start = key, size
                size += one.size
        else:
            size = parcels[0].size
        self._storage.put(Bucket.INCOMING, parcels[0].key, _InTurn(parcels), size)

    def _call_next(self, owner_id: str) -> None:
        with self._turn:
            line = self._lines.get(owner_id)
            if not line:
                self._lines.pop(owner_id, None)
                return
            first = line.popleft()
            first.leads = True
        first.ring()


class _Waiting:
    """A file in line, and a bell: of all that can be waited for a lock costs least."""

    def __init__(self, parcel: Parcel) -> None:
        self.parcel = parcel
        self.leads = False
        self.error: Exception | None = None
        self._bell = threading.Lock()
        self._bell.acquire()

    def wait(self, seconds: float = -1) -> bool:
        """Until it has rung, or for so long; whether it has. Once it has, that is no wait."""
        rung = self._bell.acquire(timeout=seconds)
        if rung:
            self._bell.release()
        return rung

    def ring(self) -> None:
        self._bell.release()


class _InTurn:
    """The bytes of one after the other, as often as they are asked for."""

    def __init__(self, parcels: Sequence[Parcel]) -> None:
        self._parcels = parcels

    def __iter__(self) -> Iterator[bytes]:
        for one in self._parcels:
            yield from one.body
