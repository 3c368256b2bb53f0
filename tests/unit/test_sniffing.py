"""Sniffing: the first bytes tell the type, where libmagic alone is wrong as well."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support import samples
from uploads.documents.sniffing import UNKNOWN, _frame_size, sniff

EXPECTED = {
    "jpg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
    "avif": "image/avif",
    "heic": "image/heic",
    "tif": "image/tiff",
    "pdf": "application/pdf",
    "rtf": "application/rtf",
    "zip": "application/zip",
    "txt": "text/plain",
    "csv": "text/csv",
    "py": "text/x-c",
    "json": "application/json",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "webm": "video/webm",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "wav": "audio/x-wav",
    "ogg": "audio/ogg",
    "odt": "application/vnd.oasis.opendocument.text",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@pytest.mark.parametrize("ending", EXPECTED)
def test_a_real_file_is_recognised_by_its_head(ending: str) -> None:
    """A real file of each kind is recognised by its first 4 KiB."""
    assert sniff(samples.SAMPLES[ending]()[:4096]) == EXPECTED[ending]


def test_a_word_document_with_a_long_first_member_is_an_office_file_or_a_zip() -> None:
    """Where the telling member lies past the head, the file is a ZIP, never unknown."""
    head = samples.docx_file()[:4096]
    assert sniff(head) in {
        "application/zip",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    }
    assert sniff(samples.zip_of({"a.xml": bytes(10), "word/document.xml": b"<x/>"})) != UNKNOWN


@pytest.mark.parametrize(
    ("brands", "expected"),
    [
        (b"mif1" + b"\0\0\0\0" + b"mif1avif", "image/avif"),
        (b"mif1" + b"\0\0\0\0" + b"mif1heic", "image/heic"),
        (b"msf1" + b"\0\0\0\0" + b"hevc", "image/heic"),
        (b"avis" + b"\0\0\0\0" + b"avif", "image/avif"),
        (b"mp42" + b"\0\0\0\0" + b"isomavc1", "video/mp4"),
        (b"M4B " + b"\0\0\0\0" + b"isom", "audio/mp4"),
    ],
)
def test_brands_decide_within_mp4s_family(brands: bytes, expected: str) -> None:
    """AVIF, HEIC, MP4 and M4A are told apart by brands, the general ones by their companions."""
    size = (len(brands) + 8).to_bytes(4, "big")
    assert sniff(size + b"ftyp" + brands + bytes(64)) == expected


@pytest.mark.parametrize("form", [b"RF64", b"BW64", b"RIFX"])
def test_sound_of_every_riff_is_recognised(form: bytes) -> None:
    """Long and big-endian recordings are WAV as well; another RIFF is not."""
    assert sniff(form + b"\xff\xff\xff\xffWAVEds64" + bytes(64)) == "audio/x-wav"
    assert sniff(form + b"\xff\xff\xff\xffAVI LIST" + bytes(64)) != "audio/x-wav"


def test_matroska_is_not_webm() -> None:
    """The document type tells Matroska from WebM."""
    assert sniff(samples.webm(b"matroska")) == "video/x-matroska"


@pytest.mark.parametrize("header", [b"\xff\xfb\x90\x64", b"\xff\xf3\x40\xc4", b"\xff\xe3\x18\xc4"])
def test_mp3_of_every_mpeg_version_is_recognised(header: bytes) -> None:
    """MPEG 1, 2 and 2.5 layer III are audio/mpeg, with and without an ID3 tag."""
    assert sniff(header + bytes(1436)) == "audio/mpeg"
    padded = bytes(700) + (header + bytes(1436))[: _frame_size(header)] * 3
    assert sniff(padded) == "audio/mpeg"
    assert sniff(b"ID3\x04\0\0\0\0\0\x0a" + bytes(10) + header + bytes(400)) == "audio/mpeg"


@pytest.mark.parametrize(
    "text", [b"x", b"\n", b"1", "ü".encode(), b"\xef\xbb\xbf", "12€".encode()[:-1]]
)
def test_the_shortest_texts_are_text(text: bytes) -> None:
    """One byte, an empty line, a lone mark of byte order and a cut character are text."""
    assert sniff(text) == "text/plain"


@pytest.mark.parametrize("size", [1, 2, 3, 511, 512, 513, 4095, 4096])
@pytest.mark.parametrize("ending", ["jpg", "zip", "mp3", "mp4", "webm", "txt"])
def test_a_head_cut_anywhere_never_raises(ending: str, size: int) -> None:
    """Heads around every boundary give some type and no error."""
    assert "/" in sniff(samples.SAMPLES[ending]()[:size])


@pytest.mark.parametrize("page", [b"<!DOCTYPE html><p>", b" \n<html><body>", b"\xef\xbb\xbf<HTML>"])
def test_a_web_page_is_html_but_a_text_that_begins_with_a_tag_is_text(page: bytes) -> None:
    """Only a whole page is HTML; Markdown may begin with a tag."""
    assert sniff(page + b"hello</body></html>") == "text/html"
    assert sniff(b'<a href="x">logo</a>\n\n# Title\n') == "text/plain"


@pytest.mark.parametrize(
    "source",
    [
        b"const icon = `<!DOCTYPE svg PUBLIC>`;\n",
        b"#!/usr/bin/env python3\nICON = '<svg xmlns=\"x\"><!DOCTYPE svg'\n",
        b"ICON = `<?xml version='1.0'?>\n<!DOCTYPE svg PUBLIC 'x'>\n`\n",
    ],
)
def test_source_code_with_a_drawing_in_it_is_text(source: bytes) -> None:
    assert sniff(source).startswith("text/")
    assert sniff(source + bytes(9)) == UNKNOWN


def test_a_text_of_dos_ends_with_a_byte_of_its_own() -> None:
    assert sniff(b"a\r\nb\r\n\x1a") == "text/plain"
    assert sniff(b"a\x1ab\r\n\x1a") == sniff(b"\x1a") == UNKNOWN


@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b"\r\n ", b'<?xml version="1.0"?>\n'])
def test_a_drawing_is_a_drawing(before: bytes) -> None:
    drawing = b'<!DOCTYPE svg PUBLIC "x" "y"><svg onload="x"/>'
    assert sniff(before + drawing) in ("image/svg+xml", "text/xml")


@pytest.mark.parametrize(
    "head",
    [
        b"MZ\x90\0" + bytes(60),
        b"\x7fELF\x02\x01\x01" + bytes(60),
        b"\0asm\x01\0\0\0",
        b"%!PS-Adobe-3.0\n",
        b"\x01\x02\x03",
    ],
)
def test_programs_are_not_taken_for_text(head: bytes) -> None:
    """Executables, PostScript and control bytes are not text."""
    assert not sniff(head).startswith("text/")


def test_threads_may_sniff_at_once() -> None:
    """Many threads get the same answers as one."""
    heads = [(samples.SAMPLES[ending]()[:4096], EXPECTED[ending]) for ending in EXPECTED] * 20
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(sniff, [head for head, _ in heads])) == [kind for _, kind in heads]


def test_the_bundled_libmagic_is_the_one_in_use() -> None:
    """The wheel's libmagic is loaded, whether or not the system has one of its own."""
    code = (
        "import ctypes, uploads.documents.sniffing as s; s.sniff(b'%PDF-1.7');"
        "print([l.split()[-1] for l in open('/proc/self/maps') if 'libmagic' in l])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pylibmagic" in run.stdout
    assert "/usr/lib" not in run.stdout
