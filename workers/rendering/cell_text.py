"""Text in the cell: its first lines as a picture, CSV as a table. Lines and letters, no markup.

Only the beginning is read. Letters that would act on others (controls, directions, joiners) are
shown as what they are, so that a picture cannot read otherwise than the file.
"""

from __future__ import annotations

import codecs
import csv
import unicodedata
from collections.abc import Iterator
from io import StringIO
from itertools import chain, islice
from typing import BinaryIO

from PIL import Image, ImageDraw

from workers.rendering import cell_lettering
from workers.rendering.refusal import Refused

_BYTES = 32 * 1024
_WIDTH, _HEIGHT, _EDGE = 640, 800, 36
_LETTERS, _STEP = 15, 21
_LINES = (_HEIGHT - 2 * _EDGE) // _STEP
_COLUMNS, _CELL, _LEAST = 8, 40, 4  # of a table: columns, letters that are read and that stay
_PAPER, _INK, _HEAD, _RULE = "#ffffff", "#23272e", "#eef1f6", "#dfe3ea"
_TAB = 4
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
# Controls, surrogates, private letters and what is not assigned; format covers directions and
# joiners. Combining marks are left out: a tower of them would cover other lines.
_NEUTRAL = "\N{MIDDLE DOT}"
_SHOWN_AS = {"Cc": _NEUTRAL, "Cf": _NEUTRAL, "Cs": _NEUTRAL, "Co": _NEUTRAL, "Cn": _NEUTRAL}
_LEFT_OUT = {"Mn", "Me", "Mc"}


def warm_up() -> None:
    """Load the letters, and the tables of the encodings."""
    cell_lettering.warm_up(_LETTERS)
    for name in (*_MARKS.values(), "latin-1"):
        codecs.lookup(name)


def load(file: BinaryIO, pixels: int, side: int, form: str) -> Image.Image:
    """Draw the beginning; `form` is `lines` or `table`. Raises Refused when nothing can be seen."""
    text = decoded(file.read(_BYTES))
    if not text.strip():
        raise Refused("nothing to be seen")
    picture = Image.new("RGB", (_WIDTH, _HEIGHT), _PAPER)
    draw = ImageDraw.Draw(picture)
    rows = _rows(text) if form == "table" else []
    if rows:
        _table(draw, rows)
    else:
        _write(draw, lines(text))
    return picture


def decoded(data: bytes) -> str:
    """Text as its mark says, else as UTF-8, else, where it is not, as Latin-1; never fails.

    The bytes may end within a letter, which is then left out.
    """
    for mark, name in _MARKS.items():
        if data.startswith(mark):
            return codecs.getincrementaldecoder(name)("replace").decode(data[len(mark) :])
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        return data.decode("latin-1")


def lines(text: str) -> Iterator[str]:
    """The lines of a text as they can be drawn, each cut to what fits."""
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        yield plain(line[: 4 * _WIDTH])


def plain(line: str) -> str:
    """One line without anything that acts on the letters beside it."""
    shown = (
        _SHOWN_AS.get(kind, letter)
        for letter in unicodedata.normalize("NFC", line).expandtabs(_TAB)
        if (kind := unicodedata.category(letter)) not in _LEFT_OUT
    )
    return "".join(shown)


def _write(draw: ImageDraw.ImageDraw, shown: Iterator[str]) -> None:
    font = cell_lettering.font(_LETTERS)
    most = int((_WIDTH - 2 * _EDGE) // font.getlength("m"))
    rows = chain.from_iterable(wrapped(line, most) for line in shown)
    for number, line in enumerate(islice(rows, _LINES)):
        draw.text((_EDGE, _EDGE + number * _STEP), line, _INK, font)


def wrapped(line: str, most: int) -> Iterator[str]:
    """A line in pieces of at most so many letters, broken at a space where one is not far.

    Paragraphs are often one line, and what programs write (JSON) is often one altogether.
    """
    while len(line) > most:
        space = line.rfind(" ", most // 2, most + 1)
        end = most if space < 0 else space
        yield line[:end]
        line = line[end:].removeprefix(" ")
    yield line


def cut(line: str, most: int) -> str:
    """A line of at most so many letters; what is cut off is told by its last one."""
    return line if len(line) <= most else line[: most - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _rows(text: str) -> list[list[str]]:
    """The first rows of a table, or none where it is not one."""
    first = text.partition("\n")[0]
    mark = max(",;\t|", key=first.count)
    try:
        found = list(islice(csv.reader(StringIO(text), delimiter=mark), _LINES))
    except csv.Error:
        return []
    # The last row may have been cut off, and a quotation mark may have swallowed the rest.
    rows = [[plain(cell[:_CELL].replace("\n", " ")) for cell in row[:_COLUMNS]] for row in found]
    return rows if any(len(row) > 1 for row in rows) else []


def _table(draw: ImageDraw.ImageDraw, rows: list[list[str]]) -> None:
    """Columns as wide as their longest cell, as far as there is room; the first row is the head."""
    font = cell_lettering.font(_LETTERS)
    letter = font.getlength("m")
    count = max(len(row) for row in rows)
    wanted = [max(len(row[at]) if at < len(row) else 0 for row in rows) for at in range(count)]
    room = int((_WIDTH - 2 * _EDGE) // letter) - 2 * count
    share = max(_LEAST, room // count)
    # Columns that need less than their share leave the rest to the others.
    spare = sum(max(0, share - width) for width in wanted)
    wide = sum(width > share for width in wanted)
    widest = share + (spare // wide if wide else 0)
    draw.rectangle((_EDGE - 8, _EDGE - 3, _WIDTH - _EDGE + 8, _EDGE + _STEP - 3), _HEAD)
    for number, row in enumerate(rows):
        top, left = _EDGE + number * _STEP, float(_EDGE)
        for at, cell in enumerate(row):
            most = min(wanted[at], widest)
            draw.text((left, top), cut(cell, max(1, most)), _INK, font)
            left += (most + 2) * letter
        draw.line((_EDGE - 8, top + _STEP - 3, _WIDTH - _EDGE + 8, top + _STEP - 3), _RULE)
