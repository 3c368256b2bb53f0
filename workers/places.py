"""Which jobs can wait, and how many processes of a worker may do such jobs at the same time.

Pictures of hostile files take as long as their time limit, and rescans come by the thousand. With a
place fewer than there are processes, an inspection never waits behind them (bulkhead; Nygard,
"Release It!").
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

from uploads.documents.model import JobKind

PATIENT = frozenset({JobKind.RENDER, JobKind.RESCAN})
URGENT = frozenset(JobKind) - PATIENT


class Places:
    """Places for jobs that can wait, shared with all processes forked afterwards.

    Each is a record lock on one byte of a file without a name: such a lock belongs to the process
    that took it, ends with it however it ends, and goes to nothing forked from it (fcntl(2)).
    """

    def __init__(self, count: int) -> None:
        self.count = count
        with tempfile.TemporaryFile() as file:
            self._file = os.dup(file.fileno())
        weakref.finalize(self, os.close, self._file)

    @classmethod
    def beside_urgent(cls, processes: int) -> Places:
        """One process is always left for what is urgent; a single one does everything in turn."""
        return cls(max(1, processes - 1))

    @contextmanager
    def one(self) -> Iterator[bool]:
        """Whether a place was free; it is taken meanwhile."""
        place = next(filter(self._take, range(self.count)), None)
        try:
            yield place is not None
        finally:
            if place is not None:
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, place)

    def _take(self, place: int) -> bool:
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except OSError:  # held by another process; fcntl(2) has two errors for it
            return False
        return True
