"""Words of RTF that carry objects, hidden from who reads it as plain text."""

from __future__ import annotations

import io

import pytest

from uploads.documents.readers.limits import Budget, Limits, Refusal
from workers.inspection.checks.rtf import check_rtf

_MIB = 1024 * 1024
_OBJECT = rb"\object\objemb{\*\objdata 01}}"


def _check(data: bytes) -> None:
    check_rtf(io.BytesIO(data), Budget(Limits()))


@pytest.mark.parametrize("backslashes", [2, 140])
@pytest.mark.parametrize("before", [62, 63, 64, 65, 98, 99])
def test_an_object_is_seen_behind_backslashes_on_a_border(backslashes: int, before: int) -> None:
    with pytest.raises(Refusal, match="active-content"):
        _check(b"{\\rtf1 ".ljust(_MIB - before, b"a") + b"\\" * backslashes + _OBJECT[:7] + b"}")


@pytest.mark.parametrize("backslashes", [2, 140])
@pytest.mark.parametrize("before", [62, 63, 64, 65, 98, 99])
def test_the_word_behind_an_escaped_backslash_is_text(backslashes: int, before: int) -> None:
    _check(b"{\\rtf1 ".ljust(_MIB - before, b"a") + b"\\" * (backslashes - 1) + _OBJECT[:7] + b"}")


def test_a_backslash_that_is_binary_data_escapes_nothing() -> None:
    hidden = _OBJECT.replace(b"\\obj", rb"\bin1 \\obj")
    with pytest.raises(Refusal, match="active-content"):
        _check(rb"{\rtf1{" + hidden + b"}")


# Each is one field, whose instruction is written as programs that read RTF understand it.
_DDE = {
    "plain": rb"DDEAUTO c:\\x",
    "small letters": rb"ddeauto c:\\x",
    "in groups": rb"{DD}{EA}{UTO} c:\\x",
    "in groups with words": rb"{\rtlch\af0 DD}{\ltrch\insrsid42 E}{\b AUTO} c:\\x",
    "with words between": rb"D\b D\b0 E c:\\x",
    "on several lines": b"D\r\nD\nE c:\\\\x",
    "with empty bytes": b"D\0D\0E c:\\\\x",
    "in hexadecimal digits": rb"\'44\'44\'45 c:\\x",
    "in part": rb"D\'44E c:\\x",
    "in unicode": rb"\u68 ?\u68 ?\u69 ? c:\\x",
    "in unicode with long fallbacks": rb"\uc2\u68 ab\u68 \'61b\uc0\u69  c:\\x",
    "in negative unicode": rb"\uc0\u-65468\u-65468 E c:\\x",
    "around what is ignored": rb"D{\*\nobody knows}DE c:\\x",
    "around what is no text": rb"D{\comment knows}DE c:\\x",
    "around binary data": rb"D\bin3 }}}DE c:\\x",
    "with a hyphen that is optional": rb"D\-DE c:\\x",
    "before a paragraph": rb"DDE\par c:\\x",
    "quoted": rb"{\field{\*\fldinst QUOTE 68 68 69 65 85 84 79}} c:\\x",
    "quoted in hexadecimal digits": rb"{\field{\*\fldinst QUOTE 0x44 0x44}}E c:\\x",
    "quoted in part": rb"D{\field{\*\fldinst {QUO}TE 68 }}E c:\\x",
    "shown by another field": rb"{\field{\*\fldinst SEQ a}{\fldrslt DD}}E c:\\x",
    "shown by one inside of another": (
        rb"{\field{\*\fldinst IF {\field{\*\fldinst SEQ a}{\fldrslt x}}}{\fldrslt D}}DE c:\\x"
    ),
}


@pytest.mark.parametrize("label", _DDE)
@pytest.mark.parametrize("closed", [True, False])
def test_a_field_that_reaches_for_a_program_is_seen(label: str, closed: bool) -> None:
    """Also where nobody closes its groups."""
    inside = rb"{\rtf1\ansi Text {\field{\*\fldinst " + _DDE[label]
    for data in (inside, inside.replace(rb"\*\fldinst", rb"\fldinst")):
        with pytest.raises(Refusal, match="active-content"):
            _check(data + (b"}{\\fldrslt text}}}" if closed else b""))


@pytest.mark.parametrize(
    "instruction",
    [
        rb'HYPERLINK "https://example.org/dde/added"',
        rb"TOC \\o {\field{\*\fldinst PAGEREF a}{\fldrslt 7}}",
        rb"QUOTE 72 105",
        rb"D{\comment a}{\field{\*\fldinst SEQ b}{\fldrslt 1}}E",
        rb"PAGE }{\fldrslt DD}}{\field{\*\fldinst E",
    ],
)
def test_other_fields_are_none(instruction: bytes) -> None:
    _check(rb"{\rtf1 {\field{\*\fldinst " + instruction + rb"}{\fldrslt shown}} Ende}")


def test_who_writes_of_dde_has_no_field() -> None:
    _check(rb"{\rtf1 DDE and DDEAUTO are old, \u8222 ?but... {\pict 44444500ff}}")
    _check(rb"{\rtf1 {\field{\*\fldinst PAGE}{\fldrslt DDE }} DDE and DDEAUTO are old.}")


@pytest.mark.parametrize(
    "hidden",
    [
        b"{\\obj\0ect\\objemb",
        b"{\\*\\obj\r\nda\nta 0105",
        b"{\\'a\\\\object",
        b"{\\u92\\\\object",
        b"{\\uc5\\u92 abcd\\\\objdata",
        b"{\\object1234",
        b"{\\*\\objhtml",
        b"{\\*\\ObjData 0105",
        b"{\\*\\subdoc http://example.org/a",
        b"{\\*\\nextfile http://example.org/a",
    ],
)
def test_an_object_is_seen_through_what_programs_pass_over(hidden: bytes) -> None:
    with pytest.raises(Refusal, match="active-content"):
        _check(b"{\\rtf1 " + hidden + b"}}")


def test_a_line_that_ends_with_a_backslash_is_no_word() -> None:
    """A paragraph, as Apple's programs write it."""
    _check(b"{\\rtf1 It has an\\\nobject and a\\\r\ntemplate.}")


@pytest.mark.parametrize("binary", [rb"\bin5 ", rb"\'g "])
def test_behind_bytes_that_are_no_text_it_counts_wherever_it_stands(binary: bytes) -> None:
    with pytest.raises(Refusal, match="active-content"):
        _check(rb"{\rtf1 {\field{\*\fldinst PAGE}} " + binary + rb"DDE c:\\x}")


def test_an_instruction_without_end_is_no_instruction() -> None:
    with pytest.raises(Refusal, match="malformed-file"):
        _check(rb"{\rtf1 {\field{\*\fldinst " + b"SEQ " * 20_000 + b"}}}")


def test_fields_inside_of_fields_cost_no_more_than_they_are() -> None:
    _check(b"{\\rtf1 " + rb"{\field{\*\fldinst A" * 9_000 + b"}" * 18_001)


def test_binary_data_by_themselves_are_no_object() -> None:
    _check(rb"{\rtf1{\pict\bin4 \\ab}The \\nobject}")
