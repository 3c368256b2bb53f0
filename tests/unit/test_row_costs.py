"""What the files of each row of the requirements cost in the real cell, whatever becomes of them.

Beside `test_cell_costs`, which has what structure refuses and what is infected, these are files
that are clean, that a door refuses before the cell, or that are too large for that table.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.hostile.doors import CLEAN
from tests.hostile.files import FILES
from tests.hostile.mutants import of_files
from tests.support import hostile_archives, samples, wide_pdfs
from tests.support.costs import MIB, Accounted, inspected, rendered, subject_of
from tests.support.zip_bytes import Piece, end_record, make_zip
from tests.unit.test_cell_costs import HOSTILE, INFECTED
from uploads.documents.kinds import KNOWN
from uploads.documents.model import Outcome

LAST_ROW = 33
TYPES = {ending: kind.type for kind in KNOWN for ending in kind.extensions}
# What stands in the table of `test_cell_costs`, by row.
ELSEWHERE = {
    1: ("eicar",),
    2: ("eicar in zip", "eicar in 3 zips"),
    3: ("eicar in pdf", "eicar in docx"),
    9: ("billion laughs",),
    10: ("xxe", "odt xxe"),
    11: ("ratio", "lying size", "nested bomb"),
    12: ("overlap",),
    13: ("lying count",),
    14: tuple(hostile_archives.bad_names()),
    15: ("symlink", "device", "tar with a link out"),
    16: ("aes", "zipcrypto"),
    17: ("password", "encrypted package"),
    18: ("vba", "docm"),
    19: ("script", "launch", "opens address", "xfa"),
    21: ("nested arrays",),
    22: ("huge png", "huge jpeg"),
}
_SEED = 20240613
_MUTANTS = 8  # of each type: one of each mutation; each third one is taken


class Case:
    """One file: its type for the engines, its bytes, and whether it must be clean or must not."""

    def __init__(self, type_: str, content: Callable[[], bytes], clean: bool | None = None) -> None:
        self.type = type_
        self.content = content
        self.clean = clean


def _sent() -> Iterator[tuple[int, str, Case]]:
    """The files that are sent through every door; those of a type that we know."""
    for file in FILES:
        type_ = TYPES.get(file.name.rpartition(".")[2])
        if file.row <= LAST_ROW and type_ is not None:
            clean = True if file.expected == CLEAN else None
            made = lambda file=file: file.content("http://127.0.0.1:9/x")  # noqa: E731
            yield file.row, file.label, Case(type_, made, clean)


def _large() -> Iterator[tuple[int, str, Case]]:
    """What is large, or looped, by the rows' own numbers."""
    zipped, pdf = "application/zip", "application/pdf"
    yield 11, "10 gigabytes in one entry", Case(zipped, ten_gigabytes, False)
    yield 13, "200,000 entries", Case(zipped, hostile_archives.many_empty_entries, False)
    yield 13, "a ZIP64 count that lies", Case(zipped, lying_zip64, False)
    yield 20, "a vast page", Case(pdf, wide_pdfs.vast_page)
    yield 21, "a table in a loop", Case(pdf, wide_pdfs.table_in_a_loop, False)
    yield 21, "a stream in itself", Case(pdf, wide_pdfs.stream_in_itself, False)
    text = b"a line of text\n"
    yield 25, "the largest text", Case("text/plain", lambda: text * (100 * MIB // len(text)), True)
    head = samples.iso_media(b"isom")
    yield 25, "the largest film", Case("video/mp4", lambda: head + bytes(100 * MIB - len(head)))


def _mutants() -> Iterator[tuple[int, str, Case]]:
    for mutant in itertools.islice(of_files(_MUTANTS, _SEED), 0, None, 3):
        ending = mutant.name.rpartition(".")[2]
        yield 32, mutant.label, Case(TYPES[ending], lambda mutant=mutant: mutant.content)


def _rows() -> Mapping[int, Mapping[str, Case]]:
    found: dict[int, dict[str, Case]] = defaultdict(dict)
    for row, label, case in (*_sent(), *_large(), *_mutants()):
        found[row][label] = case
    return found


def ten_gigabytes() -> bytes:
    """10 GiB of zeros, packed; the headers, which have no room for that, speak of 64 MiB."""
    block = hostile_archives.flushed_zeros(MIB)

    class Packed(Piece):
        @property
        def packed(self) -> bytes:
            return block * (10 * 1024)

    return make_zip(Packed(b"zeros", stated_unpacked=64 * MIB, crc=0))


def lying_zip64() -> bytes:
    """A ZIP64 end record that speaks of 2^40 entries, where there is one."""
    whole = make_zip(Piece(b"a", b"x", 0))
    at = whole.index(b"PK\1\2")
    size = whole.index(b"PK\5\6") - at
    return (
        whole[: at + size]
        + hostile_archives.wide_end(1 << 40, size, at)
        + end_record(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
    )


ROWS = _rows()


@pytest.fixture(scope="module")
def shared() -> Iterator[Accounted]:
    cell = Accounted()
    yield cell
    cell.close()


@pytest.fixture
def cell(shared: Accounted) -> Accounted:
    shared.begin_anew()
    return shared


def test_no_row_is_missing() -> None:
    """Each row's files are bounded, here or in the table of what is refused and infected."""
    assert {*ROWS, *ELSEWHERE} == {*range(1, LAST_ROW + 1)}
    assert {label for labels in ELSEWHERE.values() for label in labels} <= {*HOSTILE, *INFECTED}


@pytest.mark.parametrize("row", sorted(ROWS))
def test_a_row_costs_little(cell: Accounted, row: int, tmp_path: Path) -> None:
    """Whatever becomes of them; and none has another end than the table says."""
    for label, case in ROWS[row].items():
        subject = subject_of(tmp_path, case.type, case.content())
        outcomes = {report.outcome for report in inspected(cell, subject)}
        if case.clean is not None:
            assert (outcomes == {Outcome.CLEAN}) is case.clean, label
        rendered(cell, subject)
        cell.was_cheap()


def test_a_pdf_of_100_000_objects_is_drawn_within_bounds(cell: Accounted, tmp_path: Path) -> None:
    """Row 20: as many pages, or annotations on one; a picture is made of them or none."""
    for data in (wide_pdfs.many_pages(100_000), wide_pdfs.many_annotations(100_000)):
        rendered(cell, subject_of(tmp_path, "application/pdf", data))
    assert cell.late == []
    for used in cell.used:
        assert 0 < used.cpu_seconds < 10
        assert used.memory_bytes < 512 * MIB
