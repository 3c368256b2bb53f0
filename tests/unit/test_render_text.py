"""First lines of texts, drawn in a real cell; what is drawn is looked at without one as well."""

from __future__ import annotations

import codecs

import pytest
from PIL import Image

from tests.support import samples
from tests.support.pictures import decoded, render
from workers.rendering import cell_text
from workers.rendering.render import Unrenderable

MIB = 1024 * 1024


def drawn(content: bytes, type_: str = "text/plain") -> Image.Image:
    small, large = render(content, type_)
    assert (large.width, large.height, small.height) == (640, 800, 200)
    return decoded(large).convert("L")


def dark(picture: Image.Image) -> int:
    """How many pixels are written on."""
    return sum(picture.histogram()[:120])


def test_lines() -> None:
    """Each line stands below the one before; further lines than fit change nothing."""
    one, two = drawn(b"Hello, world\n"), drawn(b"Hello, world\n" * 2)
    assert 0 < dark(one) < dark(two)
    full = b"line\n" * 40
    assert drawn(full).tobytes() == drawn(full + b"more\n" * 100_000).tobytes()
    assert drawn(samples.markdown(), "text/markdown").getextrema()[0] < 100  # type: ignore[operator]


@pytest.mark.parametrize(
    ("line", "pieces"),
    [
        ("", [""]),
        ("exactly it", ["exactly it"]),
        ("a long line of words", ["a long", "line of", "words"]),
        ("indented  by two", ["indented ", "by two"]),
        ("abcdefghijklmnopqrstuvwxyz", ["abcdefghij", "klmnopqrst", "uvwxyz"]),
        ("a bcdefghijklm", ["a bcdefghi", "jklm"]),
    ],
)
def test_a_long_line_goes_on_in_the_next(line: str, pieces: list[str]) -> None:
    """At a space, where one is in the second half of what fits; nothing of it is left out."""
    assert list(cell_text.wrapped(line, 10)) == pieces


def test_what_is_one_long_line_fills_the_picture() -> None:
    one, many = drawn(b'{"a":"b"},' * 400), drawn(b'{"a":"b"},' * 4)
    assert dark(one) > 20 * dark(many)
    assert one.crop((610, 0, 640, 800)).getextrema() == (255, 255)


def test_code_and_json_are_drawn_as_lines() -> None:
    """As they stand there, with what they are indented by."""
    for ending, type_ in (("py", "text/x-source"), ("json", "application/json")):
        content = samples.SAMPLES[ending]()
        assert drawn(content, type_).tobytes() == drawn(content).tobytes()


def test_table() -> None:
    """CSV is drawn as a table with a head, whatever separates its columns; text is not."""
    tables = [drawn(samples.csv().replace(b",", mark), "text/csv") for mark in (b",", b";", b"\t")]
    assert len({one.tobytes() for one in tables}) == 1
    head = tables[0].getpixel((600, 45))
    assert 200 < head < 250  # type: ignore[operator]
    assert drawn(b"no table at all\n", "text/csv").getpixel((600, 45)) == 255


ENCODED = {
    "UTF-8": "Grüße, мир".encode(),
    "UTF-8 with a mark": codecs.BOM_UTF8 + "Grüße, мир".encode(),
    "UTF-16": codecs.BOM_UTF16_LE + "Grüße, мир".encode("utf-16-le"),
    "UTF-16 the other way": codecs.BOM_UTF16_BE + "Grüße, мир".encode("utf-16-be"),
    "cut within a letter": "Grüße, мир☃".encode()[:-1],
}


@pytest.mark.parametrize("name", ENCODED)
def test_encodings(name: str) -> None:
    """Text is read as its mark says, else as UTF-8; half a letter at the end is left out."""
    assert cell_text.decoded(ENCODED[name]) == "Grüße, мир"


def test_other_bytes() -> None:
    """What is no UTF-8 is read as Latin-1, and anything at all is read."""
    assert cell_text.decoded("Grüße".encode("latin-1")) == "Grüße"
    everything = bytes(range(256)) * 4
    assert len(cell_text.decoded(everything)) == len(everything)
    assert cell_text.decoded(codecs.BOM_UTF16_LE + b"\x00\xd8A\x00") != ""


ACTING = {
    "a\u202egnp.exe\u202c": "a·gnp.exe·",
    "a\u2066b\u2069\u200e\u200f": "a·b···",
    "a\x00\x1b[31mred\x07": "a··[31mred·",
    "a\u200b\u200db\ufeff": "a··b·",
    "a" + "\u0301" * 1000: "á",
    "a\tb": "a   b",
    "\ue000\U000f0000\U0010fffd": "···",
}


@pytest.mark.parametrize("line", ACTING)
def test_nothing_acts(line: str) -> None:
    """Controls, directions and joiners are shown as a dot, towers of marks not at all."""
    assert cell_text.plain(line) == ACTING[line]


HOSTILE = {
    "one line": b"x" * MIB,
    "controls": bytes(range(32)) * 1000,
    "towers": ("a" + "\u0301" * 30_000).encode(),
    "tabs": b"\t" * 32_000 + b"x",
    "wide": "\ufdfd".encode() * 10_000,
    "quotes": b'a,"' * 20_000,
    "commas": b"," * 32_000 + b"x",
    "a NUL": b"a,b\n\0,c\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(name: str) -> None:
    """No text breaks the picture or takes long, as lines or as a table."""
    assert dark(drawn(HOSTILE[name], "text/csv")) < 640 * 800 // 2
    if name in ("one line", "wide"):
        assert drawn(HOSTILE[name]).crop((610, 0, 640, 800)).getextrema() == (255, 255)


@pytest.mark.parametrize("content", [b"", b" \n\t\r\n" * 9000])
def test_nothing_to_see(content: bytes) -> None:
    """A text without a letter has no picture."""
    with pytest.raises(Unrenderable, match="nothing to be seen"):
        render(content, "text/plain")
