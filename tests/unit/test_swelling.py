"""How far entries of an archive may swell: freely to a bound, each and together; the same at the
door and in the worker.
"""

from __future__ import annotations

import io

import pytest

from tests.support.benign_files import DOCX, ODF, opendocument, with_members, word
from tests.support.hostile_archives import deflated_zeros
from tests.support.zip_bytes import Piece, make_zip
from uploads.documents.policy import TAIL_BYTES
from uploads.documents.readers.limits import Limits, Refusal
from uploads.documents.readers.reading import Reading
from workers.inspection import cell_structure

MIB = 1024 * 1024
ZIP = "application/zip"


def _refused(data: bytes) -> set[str | None]:
    """What the door and the worker say."""
    reading = Reading(ZIP, Limits(), TAIL_BYTES)
    found = None
    try:
        reading.feed(data)
        reading.close()
    except Refusal as refusal:
        found = refusal.reason
    options = {**Limits().options(), "type": ZIP}
    return {found, cell_structure.run(io.BytesIO(data), options)[0].get("reason")}


def test_a_plain_picture_may_swell_at_any_ratio() -> None:
    """A screenshot as BMP: some 30 MiB of one colour are 30 KiB packed."""
    assert _refused(make_zip(deflated_zeros(31 * MIB))) == {None}


@pytest.mark.parametrize("entries", [(40,), (12, 12, 12, 12)])
def test_what_swells_further_is_a_bomb(entries: tuple[int, ...]) -> None:
    pieces = [deflated_zeros(size * MIB, b"%d" % at) for at, size in enumerate(entries)]
    assert _refused(make_zip(*pieces)) == {"bomb"}


def test_the_larger_a_file_is_the_more_may_swell_in_it() -> None:
    pictures = deflated_zeros(31 * MIB, b"a"), deflated_zeros(12 * MIB, b"b")
    assert _refused(make_zip(*pictures)) == {"bomb"}
    assert _refused(make_zip(*pictures, Piece(b"c", bytes(20_000), method=0))) == {None}


def _sheet(rows: int) -> bytes:
    """Cells as Excel and LibreOffice write them."""
    cell = '<c r="{}{}" s="1"><v>{}</v></c>'
    row = '<row r="{}" spans="1:10">{}</row>'
    found = (
        row.format(at, "".join(cell.format("ABCDEFGHIJ"[n], at, at * n % 977) for n in range(10)))
        for at in range(1, rows)
    )
    return f"<worksheet><sheetData>{''.join(found)}</sheetData></worksheet>".encode()


def _table(rows: int) -> bytes:
    cell = '<table:table-cell office:value-type="float" office:value="{0}"><text:p>{0}</text:p>'
    row = "<table:table-row>{}</table:table-row>"
    cells = (cell.format(at % 977) + "</table:table-cell>" for at in range(rows))
    names = 'xmlns:table="t" xmlns:office="o" xmlns:text="x"'
    rows_of_it = row.format("".join(cells))
    return f"<office:document-content {names}>{rows_of_it}</office:document-content>".encode()


@pytest.mark.parametrize("form", ["office", "opendocument"])
def test_a_large_sheet_of_an_honest_program_is_read(form: str) -> None:
    """Some 20 MiB of cells, hundreds of thousands of them."""
    if form == "office":
        kind, data = DOCX, with_members(word(), {"word/document.xml": _sheet(60_000)})
    else:
        kind = ODF + "text"
        data = with_members(opendocument(kind), {"content.xml": _table(200_000)})
    found = cell_structure.run(io.BytesIO(data), {**Limits().options(), "type": kind})[0]
    assert found == {"outcome": "clean"}
