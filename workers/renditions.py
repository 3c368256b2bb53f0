"""The job `render`: pictures of a clean document. Its failure changes nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import structlog

from uploads.documents.errors import LeaseLost, ObjectMissing, StorageUnavailable
from uploads.documents.model import Document, Job, Rendition, State
from uploads.faults import step
from uploads.records.protocol import Records, Work
from uploads.storage.protocol import Bucket, Storage
from workers import scratch
from workers.inspection.engine import EngineUnavailable
from workers.rendering.office import Office
from workers.rendering.render import Picture, Renderer, RenderTimeout, Unrenderable
from workers.sandbox.parent import CellBroken, CellCrashed
from workers.withdrawing import withdraw
from workers.writing_ahead import written_ahead

_log = structlog.get_logger(__name__)

_Making = Callable[[BinaryIO, str, str], list[Picture]]


class RenderHandler:
    """`Handler` for renditions. `grace` is how long an uncommitted picture lives.

    Without `office`, its documents show what they bring along.
    """

    def __init__(
        self,
        *,
        records: Records,
        storage: Storage,
        scratch_files: scratch.Scratch,
        renderer: Renderer,
        office: Office | None = None,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        grace: timedelta,
        lease: timedelta,
        transfer_seconds: float,
    ) -> None:
        self._records = records
        self._storage = storage
        self._scratch = scratch_files
        self._renderer = renderer
        self._office = office
        self._clock = clock
        self._new_id = new_id
        self._grace = grace
        self._lease = lease
        self._transfer_seconds = transfer_seconds

    def __call__(self, job: Job) -> None:
        """Render one document. Raises Unavailable to defer."""
        document = self._records.read(lambda work: work.documents.find(job.document_id))
        if document is not None and document.state is State.CLEAN and document.clean_key:
            with self._scratch.file(f"{job.id}-{job.token}") as path:
                self._make(job, document, document.clean_key, path)
        self._records.write(lambda work: work.jobs.finish(job))

    def _make(self, job: Job, document: Document, clean_key: str, path: Path) -> None:
        """Thumbnails, which every list shows, before the previews of pages, which take longer.

        Pages are published from the last to the first: whoever sees the first sees all of them.
        """
        if self._fetch(clean_key, path) != document.sha256:
            self._doubt(document)
            return
        with self._drawable(path, document.type) as (file, type_):
            thumbnails = self._pictures(self._renderer.render, file, type_, document)
            for picture in thumbnails:
                self._publish(job, document, picture)
            if not thumbnails:
                return
            pages = self._pictures(self._renderer.pages, file, type_, document)
            for picture in reversed(pages):
                self._publish(job, document, picture)

    @contextmanager
    def _drawable(self, path: Path, type_: str) -> Iterator[tuple[BinaryIO, str]]:
        """The file, or what Office made of it, and its type."""
        with ExitStack() as open_files:
            try:
                file: BinaryIO = open_files.enter_context(path.open("rb"))
                if self._office and self._office.handles(type_):
                    drawable = self._office.drawable(file, type_)
                    file, type_ = open_files.enter_context(drawable)
            except CellBroken as error:
                raise EngineUnavailable(f"the converter's cell did not start: {error}") from error
            except OSError as error:
                raise scratch.ScratchUnavailable(str(error)) from error
            yield file, type_

    def _pictures(
        self, make: _Making, file: BinaryIO, type_: str, document: Document
    ) -> list[Picture]:
        """What `make` makes of the file, or nothing when the file is at fault."""
        try:
            return make(file, type_, document.owner_id)
        except (Unrenderable, RenderTimeout) as error:
            _log.info("not_rendered", cause=str(error))
            return []
        except CellBroken as error:
            raise EngineUnavailable(f"the renderer's cell did not start: {error}") from error
        except CellCrashed as error:
            _log.warning("not_rendered", cause=str(error))
            return []
        except OSError as error:
            raise scratch.ScratchUnavailable(str(error)) from error

    def _fetch(self, clean_key: str, path: Path) -> str | None:
        """Copy the clean object to scratch; its digest, or None when the store has lost it."""
        try:
            with self._storage.open(Bucket.CLEAN, clean_key) as pieces:
                return scratch.write(path, scratch.within(pieces, self._transfer_seconds))[1]
        except ObjectMissing:
            return None

    def _doubt(self, document: Document) -> None:
        """The store gave other bytes than were inspected, or none: nothing of it is served.

        To give them up for one answer would delete what may be right. An inspection reads them
        where they are, and has the last word.
        """
        _log.error("clean_object_damaged")
        job_id, now = self._new_id(), self._clock()
        self._records.write(
            lambda work: withdraw(work, document.id, job_id, now, {"reason": "damaged"})
        )

    def _publish(self, job: Job, document: Document, picture: Picture) -> None:
        key = f"{document.id.removeprefix('doc_')}/{self._new_id()}"
        rendition = Rendition(
            picture.name, picture.type, picture.width, picture.height, len(picture.data), key
        )

        def commit(work: Work) -> None:
            # The lease is proved in the same transaction: a late worker's picture stays a leftover.
            if not work.jobs.renew(job, self._clock() + self._lease):
                raise LeaseLost
            found = work.documents.find(document.id)
            if found is None or found.state is not State.CLEAN:
                raise LeaseLost
            if work.documents.add_rendition(document.id, rendition) and not (
                work.leftovers.take_back(Bucket.CLEAN, key)
            ):
                raise StorageUnavailable("rendering took longer than the grace time")

        with written_ahead(self._records, self._clock, self._grace, Bucket.CLEAN, key):
            self._storage.put(Bucket.CLEAN, key, [picture.data], len(picture.data))
            step("s17")
            self._records.write(commit)
        step("s18")
