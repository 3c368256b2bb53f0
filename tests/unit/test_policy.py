"""The policy: ending, declared type and content agree, or the file is refused."""

from __future__ import annotations

import functools

import pytest

from tests.support import samples
from tests.support.active_files import ACTIVE
from tests.support.zip_bytes import Piece, make_zip
from uploads.documents.errors import EmptyFile, TypeMismatch, TypeNotAllowed
from uploads.documents.kinds import KNOWN, FileType
from uploads.documents.policy import HEAD_BYTES, Policy

ORDINARY = [kind for kind in KNOWN if not kind.active]
POLICY = Policy(max_bytes=1000)
TEXTS = {"txt", "csv", "md", "py"}
# What the first bytes cannot tell apart, and the watch over all of them must.
LEFT_TO_THE_WATCH = {("zip", office) for office in ("docx", "xlsx", "pptx", "odt", "ods", "odp")}
FILM_AS_SOUND = ("mp4", "m4a")
LEFT_TO_THE_WATCH |= {FILM_AS_SOUND, ("mov", "mp4")}
LEFT_TO_THE_WATCH |= {(text, "json") for text in TEXTS} | {("json", text) for text in TEXTS}


@functools.cache
def head_of(ending: str) -> bytes:
    return samples.SAMPLES[ending]()[:HEAD_BYTES]


def passes(name: str, content: str, declared: str | None = None) -> bool:
    try:
        POLICY.judge(name, declared, head_of(content))
    except (TypeMismatch, TypeNotAllowed):
        return False
    return True


def test_there_is_a_sample_of_every_known_type() -> None:
    """The matrix below covers the whole table."""
    assert set(samples.SAMPLES) == {kind.extensions[0] for kind in ORDINARY}
    assert set(ACTIVE) == {kind.extensions[0] for kind in KNOWN if kind.active}


@pytest.mark.parametrize("content", samples.SAMPLES)
def test_only_the_diagonal_passes(content: str) -> None:
    """Content passes under the endings of its own type and under no other."""
    for kind in ORDINARY:
        for ending in kind.extensions:
            first = kind.extensions[0]
            right = (
                first == content
                or {first, content} <= TEXTS
                or (content, first) in LEFT_TO_THE_WATCH
            )
            assert passes(f"a.{ending}", content) is right, (ending, content)


@pytest.mark.parametrize("kind", ORDINARY, ids=lambda kind: kind.extensions[0])
def test_only_a_declared_alias_passes(kind: FileType) -> None:
    """A declared type passes under its own aliases only, whatever its case and parameters."""
    first = kind.extensions[0]
    for other in KNOWN:
        same = other is kind or other.type in kind.declared
        assert passes(f"a.{first}", first, f"{other.type.upper()}; charset=utf-8") is same


@pytest.mark.parametrize(
    ("ending", "declared"),
    [
        ("csv", "application/vnd.ms-excel"),
        ("zip", "application/x-zip-compressed"),
        ("wav", "audio/wave"),
        ("jpg", "image/jpg"),
        ("heic", "image/heif"),
        ("md", "text/x-markdown"),
        ("md", ""),
        ("pdf", None),
        ("png", "application/octet-stream"),
        ("docx", "application/zip"),
        ("m4a", "audio/x-m4a"),
        ("py", "text/x-python-script"),
        ("json", "application/json"),
    ],
)
def test_what_browsers_declare_is_accepted(ending: str, declared: str | None) -> None:
    """Browsers' odd names for a type, octet-stream and nothing are no lie."""
    assert passes(f"a.{ending}", ending, declared)


@pytest.mark.parametrize("declared", ["text/html", "image/png", "nonsense", "application/pdfx"])
def test_another_declared_type_is_a_mismatch(declared: str) -> None:
    """A declared type that the ending does not go by is refused, and named in the answer."""
    with pytest.raises(TypeMismatch) as refused:
        POLICY.judge("a.pdf", declared, head_of("pdf"))
    assert refused.value.members == {"declared_type": declared, "detected_type": None}
    sentence = f"By its name this is a PDF document, but it was declared as {declared}. "
    assert refused.value.public.startswith(sentence)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.png", b"hello\n", "a PNG picture, but its content looks like plain text."),
        ("a.txt", head_of("png"), "plain text, but its content looks like a PNG picture."),
        ("a.xlsx", head_of("pdf"), "an Excel workbook, but its content looks like a PDF document."),
        ("a.mp3", head_of("wav"), "MP3 audio, but its content looks like WAV audio."),
        ("a.md", b"<!doctype html><html>", "Markdown text, but its content looks like a web page."),
        ("a.pdf", b"\x00\x01\x02", "a PDF document, but its content looks like nothing"),
    ],
)
def test_another_content_is_said_in_plain_words(name: str, content: bytes, sentence: str) -> None:
    """What the name promises and what the content shows have the names that people use."""
    with pytest.raises(TypeMismatch) as refused:
        POLICY.judge(name, None, content)
    assert f"By its name this should be {sentence}" in refused.value.public


def test_every_kind_has_a_phrase_and_a_label() -> None:
    """The label is the phrase without its article."""
    assert [(kind.phrase, kind.label) for kind in KNOWN if "MP4" in kind.phrase] == [
        ("an MP4 video", "MP4 video")
    ]
    for kind in KNOWN:
        assert kind.label[0].isupper()
        assert kind.phrase.casefold().endswith(kind.label.casefold())


@pytest.mark.parametrize(
    "name", ["a", "a.exe", "a.jpg.php", "a.php.", ".jpg", "a.php%00", "a.jрg", "a.php．jpg"]
)
def test_the_last_ending_decides(name: str) -> None:
    """Unknown, missing, look-alike and hidden endings are not accepted."""
    with pytest.raises(TypeNotAllowed):
        POLICY.judge(name, None, head_of("jpg"))


@pytest.mark.parametrize("name", ["a.JpG", "a.php.jpg", "a.jpeg", "x.y.jfif"])
def test_only_the_last_ending_decides(name: str) -> None:
    """Case does not matter, and endings before the last do not either."""
    assert POLICY.judge(name, None, head_of("jpg")).type == "image/jpeg"


@pytest.mark.parametrize("ending", ["txt", "md", "csv", "py"])
@pytest.mark.parametrize(
    "text",
    [
        b"#!/bin/sh\necho hi\n",
        b"<?php echo 1;\n",
        b'{"a": 1}\n',
        b"From: a@b\nTo: c@d\nSubject: e\n\nf\n",
        b'<a href="x">y</a>\n\n# Title\n',
        "+ADw-script+AD4-alert(1)".encode("utf-7"),
        "<script>alert(1)</script>".encode("utf-16"),
        b"x",
    ],
)
def test_any_text_passes_under_a_text_ending(ending: str, text: bytes) -> None:
    """Text that libmagic takes for code, JSON or mail is still text."""
    assert POLICY.judge(f"a.{ending}", "text/plain", text).extensions[0] == ending


@pytest.mark.parametrize("ending", ["txt", "md", "csv", "py", "json", "png", "pdf"])
def test_a_web_page_passes_under_no_ending(ending: str) -> None:
    """A whole HTML document is refused whatever it is called."""
    with pytest.raises(TypeMismatch) as refused:
        POLICY.judge(f"a.{ending}", None, b"<!DOCTYPE html><html><script>alert(1)</script>")
    assert refused.value.members["detected_type"] == "text/html"


@pytest.mark.parametrize("ending", ["png", "jpg", "pdf", "txt", "py", "json"])
@pytest.mark.parametrize(
    "content",
    [
        b"MZ\x90\0" + bytes(60),
        b"\x7fELF\x02\x01\x01" + bytes(60),
        b"\xca\xfe\xba\xbe\0\0\0\x34",
        b"\0asm\x01\0\0\0",
        b"L\0\0\0\x01\x14\x02\0" + bytes(60),
        b"push graphic-context\nviewbox 0 0 1 1\n",
        b"%!PS-Adobe-3.0\n",
    ],
)
def test_programs_and_scripts_of_renderers_pass_under_no_ending(
    ending: str, content: bytes
) -> None:
    """Executables, shortcuts, MVG and PostScript are refused under picture and text endings."""
    with pytest.raises(TypeMismatch):
        POLICY.judge(f"a.{ending}", None, content)


def test_an_encrypted_office_file_goes_on_to_inspection() -> None:
    """An OLE container under an Office ending passes, so that inspection can call it encrypted."""
    head = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504)
    assert POLICY.judge("a.docx", None, head).extensions[0] == "docx"
    with pytest.raises(TypeMismatch):
        POLICY.judge("a.zip", None, head)


def test_an_empty_file_is_refused() -> None:
    """A file without bytes is empty, not of the wrong type."""
    with pytest.raises(EmptyFile):
        POLICY.judge("a.txt", None, b"")


def test_a_refusal_names_what_was_found_and_what_is_accepted() -> None:
    """The answer to an unknown ending carries the detected type and the accepted endings."""
    with pytest.raises(TypeNotAllowed) as refused:
        POLICY.judge("a.exe", None, head_of("png"))
    assert refused.value.members["detected_type"] == "image/png"
    assert "heif" in refused.value.members["allowed"]


def test_the_operator_may_narrow_the_table() -> None:
    """Only the named types are accepted, and a name that is not in the table is an error."""
    narrow = Policy(max_bytes=10, allowed=["jpg", ".PDF"])
    assert [kind.type for kind in narrow.types] == ["image/jpeg", "application/pdf"]
    assert narrow.by_type("image/png") is None
    with pytest.raises(TypeNotAllowed):
        narrow.by_name("a.png")
    with pytest.raises(ValueError, match="exe"):
        Policy(max_bytes=10, allowed=["exe"])


def test_a_type_may_have_a_limit_of_its_own() -> None:
    """Above or below the general one; the largest of all is what clients may check first."""
    policy = Policy(max_bytes=1000, max_bytes_by_type={"jpg": 10, ".ZIP": 5000})
    limits = {name: policy.limit(policy.by_name(f"a.{name}")) for name in ("jpeg", "zip", "pdf")}
    assert limits == {"jpeg": 10, "zip": 5000, "pdf": 1000}
    assert policy.largest == 5000
    assert POLICY.largest == 1000
    with pytest.raises(ValueError, match="jpeg"):
        Policy(max_bytes=10, max_bytes_by_type={"jpeg": 5})


def test_active_types_are_off_until_they_are_named() -> None:
    """SVG and HTML are no part of the default; named, they pass as themselves alone."""
    active = [kind for kind in KNOWN if kind.active]
    assert [kind.extensions[0] for kind in active] == ["svg", "html"]
    assert not set(active) & set(POLICY.types)
    both = Policy(max_bytes=1000, allowed=["svg", "html", "txt", "png"])
    for ending, make in ACTIVE.items():
        assert both.judge(f"a.{ending}", None, make()).extensions[0] == ending
        for other in ("png", "txt", *(set(ACTIVE) - {ending})):
            with pytest.raises(TypeMismatch):
                both.judge(f"a.{other}", None, make())
        with pytest.raises(TypeNotAllowed):
            POLICY.judge(f"a.{ending}", None, make())


def test_endings_and_types_are_unique() -> None:
    """No ending and no canonical type stands for two kinds."""
    endings = [ending for kind in KNOWN for ending in kind.extensions]
    assert len(endings) == len(set(endings))
    assert len({kind.type for kind in KNOWN}) == len(KNOWN)


def test_a_program_for_java_is_a_zip_whatever_wrote_it() -> None:
    """The field by which `jar` marks its archives makes them no other thing."""
    marked = make_zip(Piece(b"META-INF/", method=0, local_extra=b"\xfe\xca\0\0"))
    for data in (marked, make_zip(Piece(b"META-INF/", method=0))):
        assert POLICY.judge("a.zip", None, data).type == "application/zip"
        with pytest.raises(TypeMismatch):
            POLICY.judge("a.png", None, data)
