"""Reading a document's bytes once, into scratch, and letting every engine see that file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from uploads.documents.canaries import SCANNER
from uploads.documents.errors import ObjectMissing, StorageUnavailable
from uploads.documents.model import Document, EngineReport, Job, Outcome, Segment, Verdict
from uploads.faults import step
from uploads.storage.protocol import Bucket, Storage
from workers import scratch
from workers.inspection.engine import Engine, EngineErred, EngineLate, EngineSlowed, Subject
from workers.inspection.verdict import add_up, is_final

MIB = 1024 * 1024
_LATE_MOST = 3
_ERRED_MOST = 10
"""More than of lateness: an engine's own trouble, or a flood, looks like this and passes."""


@dataclass(frozen=True, slots=True)
class Source:
    """One object of which a file is made; `size` in bytes.

    Where the object is shared with other files, `start` is the first byte that is meant.
    """

    bucket: Bucket
    key: str
    size: int
    start: int | None = None


def sources_of(document: Document, segments: Sequence[Segment]) -> list[Source]:
    """Where a document's bytes are: on their way in, or where an earlier verdict put them."""
    if segments:
        return [Source(Bucket.INCOMING, one.key, one.size, one.start) for one in segments]
    if document.clean_key:
        return [Source(Bucket.CLEAN, document.clean_key, document.size)]
    if document.quarantine_key:
        return [Source(Bucket.QUARANTINE, document.quarantine_key, document.size)]
    return []


@dataclass(frozen=True, slots=True)
class TimeFor:
    """How long all engines together may look at one file, in seconds.

    `least` for a small one, another second for each of its mebibytes, up to `most`: so much our own
    readers may take of the processor. By the clock it is more, for others want processors as well.
    """

    least: float
    most: float

    def of(self, size: int) -> float:
        """For a file of so many bytes."""
        return min(self.most, self.least + size / MIB)

    def by_the_clock(self, size: int) -> float:
        """For a file of so many bytes, on a machine that is busy."""
        return self.of(size) + 2 * self.least


class Examiner:
    """Reads and judges; without a word of all in `required` nothing is clean."""

    def __init__(
        self,
        *,
        storage: Storage,
        scratch_files: scratch.Scratch,
        engines: Sequence[Engine],
        absent: Sequence[EngineReport],
        required: Sequence[str],
        clock: Callable[[], datetime],
        transfer_seconds: float,
        time_for: TimeFor,
    ) -> None:
        self._storage = storage
        self._scratch = scratch_files
        self._engines = engines
        self._absent = absent
        self._required = required
        self._clock = clock
        self._transfer_seconds = transfer_seconds
        self._time = time_for

    @contextmanager
    def fetched(self, job: Job, sources: Sequence[Source]) -> Iterator[tuple[Path, int, str]]:
        """The file, its size in bytes and its SHA-256; it is gone afterwards.

        Raises ObjectMissing when the store has lost bytes, and Unavailable.
        """
        if not sources:
            raise ObjectMissing("there are no bytes")
        with self._scratch.file(f"{job.id}-{job.token}") as path:
            pieces = scratch.within(self._read(sources), self._transfer_seconds)
            size, sha256 = scratch.write(path, pieces)
            yield path, size, sha256

    @contextmanager
    def examined(
        self, job: Job, document: Document, sources: Sequence[Source]
    ) -> Iterator[tuple[Path, Verdict]]:
        """The file and what all engines say of it. Raises as `fetched` does, EngineUnavailable."""
        with self.fetched(job, sources) as (path, size, sha256):
            step("s9")
            yield path, self._judge(job, document, path, size, sha256)

    def _read(self, sources: Sequence[Source]) -> Iterator[bytes]:
        """All bytes in order. An answer that breaks off means: try again later.

        An object that is missing is no outage but a loss: ObjectMissing ends the start without a
        word, and after some of them the document fails instead of waiting for ever. So is one that
        is shorter than was recorded by the store's own word; and one that is longer: a client whose
        signed length the store did not check has replaced it, and it is not read to its end, which
        nobody knows.
        """
        for source in sources:
            try:
                yield from self._whole(source)
            except StorageUnavailable as error:
                if self._is_short(source):
                    raise ObjectMissing(f"object {source.key} has become shorter") from error
                raise

    def _whole(self, source: Source) -> Iterator[bytes]:
        read = 0
        with self._opened(source) as pieces:
            for piece in pieces:
                read += len(piece)
                if read > source.size:
                    raise ObjectMissing(f"object {source.key} has become longer")
                yield piece
        if read != source.size:
            raise StorageUnavailable(f"object {source.key} has {read} bytes")

    def _is_short(self, source: Source) -> bool:
        """Whether the store itself says that not all of it is there any more."""
        found = self._storage.stat(source.bucket, source.key)
        return found is None or found.size < (source.start or 0) + source.size

    def _opened(self, source: Source) -> AbstractContextManager[Iterator[bytes]]:
        if source.start is None:
            return self._storage.open(source.bucket, source.key)
        return self._storage.open_range(source.bucket, source.key, source.start, source.size)

    def _judge(self, job: Job, document: Document, path: Path, size: int, sha256: str) -> Verdict:
        now = self._clock()
        if not {document.sha256, document.promised_sha256} <= {None, sha256}:
            return Verdict(Outcome.UNSCANNABLE, "digest-mismatch", sha256, size, now)
        deadline, cpu = time.monotonic() + self._time.by_the_clock(size), self._time.of(size)
        subject = Subject(path, size, sha256, document.type, document.name, deadline, cpu)
        reports = [*self._ask(subject, job.late + 1), *self._absent]
        step("s11")
        outcome, reason = add_up(reports, self._required)
        return Verdict(outcome, reason, sha256, size, self._clock(), tuple(reports))

    def _ask(self, subject: Subject, times: int) -> Iterator[EngineReport]:
        """One engine after the other; the virus scanner, who costs most, only where it matters.

        It comes last, and is not asked about what our own engines refused already. But active
        content is often a virus that has a name, and then that is the word for it; and a packing
        that we do not open it may.
        """
        settled = False
        for engine in self._engines:
            if settled and engine.name == SCANNER:
                continue
            report = _in_time(engine, subject, times)
            settled = settled or is_final(report)
            yield report


def _in_time(engine: Engine, subject: Subject, times: int) -> EngineReport:
    """Its report. Too late over one file three times is the file's doing, and final; so is ten
    times without a word, or slowed by what else the machine does.

    `times` are those before, counted with the job (`workers/jobs.py`), and this one. Raises
    EngineUnavailable.
    """
    try:
        return engine.inspect(subject)
    except (EngineLate, EngineErred) as error:
        is_late = isinstance(error, EngineLate)
        is_patient = not is_late or isinstance(error, EngineSlowed)
        if times < (_ERRED_MOST if is_patient else _LATE_MOST):
            raise
        reason = "timeout" if is_late else "engine-unavailable"
        return EngineReport(engine.name, "", Outcome.UNSCANNABLE, reason=reason)
