"""What hostile files cost in the real cell, by its own accounting, and that none is clean."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pikepdf
import pytest

from tests.support import hostile_archives, hostile_files, packed_files, pdf_places
from uploads.documents.model import Outcome
from workers.inspection import celled
from workers.inspection.engine import Subject
from workers.inspection.structure import Structure
from workers.inspection.yara import Yara
from workers.rendering.render import Renderer, RenderTimeout, Unrenderable
from workers.sandbox.parent import Cell, CellFailure, Reply, Usage

MIB = 1024 * 1024
# Far more than any of them takes, far less than what a bomb would, were it not stopped.
CPU_SECONDS = 2.0
MEMORY_BYTES = 256 * MIB

INFECTED = {label: (*one, "infected") for label, one in hostile_files.infected_files().items()}
HOSTILE = {
    **hostile_archives.archives(),
    **hostile_files.documents(),
    **hostile_files.pdfs(),
    **hostile_files.others(),
    **packed_files.packed_refused(),
    **pdf_places.refused(),
}


class Accounted(Cell):
    """A cell that keeps what each child took."""

    def __init__(self) -> None:
        super().__init__(seconds=120, memory_bytes=1024 * MIB)
        self.used: list[Usage] = []

    def run(self, task: str, file: BinaryIO, *given: Any, **named: Any) -> Reply:
        try:
            reply = super().run(task, file, *given, **named)
        except CellFailure as failure:
            self.used.append(failure.usage)
            raise
        self.used.append(reply.usage)
        return reply


@pytest.fixture(scope="module")
def shared() -> Iterator[Accounted]:
    cell = Accounted()
    yield cell
    cell.close()


@pytest.fixture
def cell(shared: Accounted) -> Accounted:
    shared.used.clear()
    return shared


@pytest.mark.parametrize("label", HOSTILE)
def test_a_hostile_file_is_refused_at_little_cost(
    cell: Accounted, label: str, tmp_path: Path
) -> None:
    """Structure refuses it for the reason in the table; every parser that sees it stays cheap."""
    media_type, data, reason = HOSTILE[label]
    subject = _subject(tmp_path, media_type, data)
    report = Structure(cell).inspect(subject)
    assert (report.outcome, report.reason) == (Outcome.UNSCANNABLE, reason)
    Yara(cell).inspect(subject)
    _render(cell, subject)
    _was_cheap(cell)


@pytest.mark.parametrize("label", INFECTED)
def test_an_infected_file_is_found_at_little_cost(
    cell: Accounted, label: str, tmp_path: Path
) -> None:
    subject = _subject(tmp_path, *INFECTED[label][:2])
    assert Yara(cell).inspect(subject).outcome is Outcome.INFECTED
    Structure(cell).inspect(subject)
    _was_cheap(cell)


def test_a_pdf_of_very_many_objects_is_looked_through(cell: Accounted, tmp_path: Path) -> None:
    """Each page, and each annotation on one page, is looked at; a picture is made or not."""
    for data in (_pages(20_000), _annotations(20_000)):
        subject = _subject(tmp_path, "application/pdf", data)
        assert Structure(cell).inspect(subject).outcome is Outcome.CLEAN
        assert Yara(cell).inspect(subject).outcome is Outcome.CLEAN
        _render(cell, subject)
    for used in cell.used:
        assert used.cpu_seconds < 4
        assert used.memory_bytes < 512 * MIB


def _pages(count: int) -> bytes:
    document = pikepdf.new()
    for _ in range(count):
        document.add_blank_page()
    return _saved(document)


def _annotations(count: int) -> bytes:
    document = pikepdf.new()
    square = {"/Subtype": pikepdf.Name.Square, "/Rect": [9, 9, 99, 99], "/C": [1, 0, 0]}
    made = (document.make_indirect(pikepdf.Dictionary(square)) for _ in range(count))
    document.add_blank_page().obj.Annots = pikepdf.Array(list(made))
    return _saved(document)


def _saved(document: pikepdf.Pdf) -> bytes:
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def test_reasons_are_all_that_the_cell_tasks_give() -> None:
    assert {reason for _, _, reason in HOSTILE.values()} <= celled.REASONS


def _subject(folder: Path, media_type: str, data: bytes) -> Subject:
    path = folder / "subject"
    path.write_bytes(data)
    return Subject(path, len(data), hashlib.sha256(data).hexdigest(), media_type, "a")


def _render(cell: Cell, subject: Subject) -> None:
    """Nothing that was refused is ever rendered; were it, it would be cheap as well."""
    renderer = Renderer(cell)
    if not renderer.handles(subject.type):
        return
    with subject.path.open("rb") as file:
        try:
            renderer.render(file, subject.type)
        except (Unrenderable, RenderTimeout):
            return


def _was_cheap(cell: Accounted) -> None:
    assert len(cell.used) >= 2
    for used in cell.used:
        assert 0 < used.cpu_seconds < CPU_SECONDS
        assert used.memory_bytes < MEMORY_BYTES
