"""Render jobs for an assembled line, drawn by one who needs no cell."""

from __future__ import annotations

from typing import BinaryIO

from tests.support.line import GRACE, LEASE, Line
from uploads.documents.model import Document, Job, JobKind
from workers.rendering.render import Picture
from workers.renditions import RenderHandler


class Painter:
    """Makes one picture of whatever it is given, and none of its pages."""

    def render(self, _file: BinaryIO, _type: str, _whose: str) -> list[Picture]:
        return [Picture("thumbnail-200", "image/webp", 2, 2, b"a picture")]

    def pages(self, _file: BinaryIO, _type: str, _whose: str) -> list[Picture]:
        return []


def render_handler(line: Line) -> RenderHandler:
    return RenderHandler(
        records=line.records,
        storage=line.storage,
        scratch_files=line.scratch,
        renderer=Painter(),  # type: ignore[arg-type]
        clock=line.clock,
        new_id=line.new_id,
        grace=GRACE,
        lease=LEASE,
        transfer_seconds=60,
    )


def leased_render(line: Line, document: Document) -> Job:
    """A new render job of the document, leased by whoever asked."""
    job = Job.about(document, JobKind.RENDER, line.new_id(), line.now)
    line.records.write(lambda work: work.jobs.add(job))
    leased = line.records.write(lambda work: work.jobs.lease(job.id, line.now, line.now + LEASE))
    assert leased is not None
    return leased
