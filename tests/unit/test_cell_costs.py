"""What hostile files cost in the real cell, by its own accounting, and that none is clean."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pikepdf
import pytest

from tests.support import hostile_archives, hostile_files, packed_files, pdf_places, swollen_files
from tests.support.costs import MIB, Accounted, rendered, subject_of
from uploads.documents.model import Outcome
from workers.inspection import celled
from workers.inspection.structure import Structure
from workers.inspection.yara import Yara

INFECTED = {label: (*one, "infected") for label, one in hostile_files.infected_files().items()}
HOSTILE = {
    **hostile_archives.archives(),
    **hostile_files.documents(),
    **hostile_files.pdfs(),
    **hostile_files.others(),
    **packed_files.packed_refused(),
    **pdf_places.refused(),
    **swollen_files.swollen(),
}


@pytest.fixture(scope="module")
def shared() -> Iterator[Accounted]:
    cell = Accounted()
    yield cell
    cell.close()


@pytest.fixture
def cell(shared: Accounted) -> Accounted:
    shared.begin_anew()
    return shared


@pytest.mark.parametrize("label", HOSTILE)
def test_a_hostile_file_is_refused_at_little_cost(
    cell: Accounted, label: str, tmp_path: Path
) -> None:
    """Structure refuses it for the reason in the table; every parser that sees it stays cheap."""
    media_type, data, reason = HOSTILE[label]
    subject = subject_of(tmp_path, media_type, data)
    report = Structure(cell).inspect(subject)
    assert (report.outcome, report.reason) == (Outcome.UNSCANNABLE, reason)
    Yara(cell).inspect(subject)
    rendered(cell, subject)
    cell.was_cheap()


@pytest.mark.parametrize("label", INFECTED)
def test_an_infected_file_is_found_at_little_cost(
    cell: Accounted, label: str, tmp_path: Path
) -> None:
    subject = subject_of(tmp_path, *INFECTED[label][:2])
    assert Yara(cell).inspect(subject).outcome is Outcome.INFECTED
    Structure(cell).inspect(subject)
    cell.was_cheap()


def test_a_pdf_of_very_many_objects_is_looked_through(cell: Accounted, tmp_path: Path) -> None:
    """Each page, and each annotation on one page, is looked at; a picture is made or not."""
    for data in (_pages(20_000), _annotations(20_000)):
        subject = subject_of(tmp_path, "application/pdf", data)
        assert Structure(cell).inspect(subject).outcome is Outcome.CLEAN
        assert Yara(cell).inspect(subject).outcome is Outcome.CLEAN
        rendered(cell, subject)
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
