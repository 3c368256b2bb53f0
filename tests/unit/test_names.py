"""File names: what misleads is refused, what is merely untidy is made safe."""

from __future__ import annotations

import random
import unicodedata
from urllib.parse import unquote

import pytest

from uploads.documents.errors import BadName
from uploads.documents.names import clean_name, content_disposition

BAD = {
    "missing": None,
    "empty": "",
    "spaces": "  ",
    "dots": "...",
    "dots and spaces": " .. .",
    "parent": "../../etc/passwd",
    "absolute": "/etc/passwd.txt",
    "only marks": "\u200b\u200e",
    "only blanks": "\u3164\u2800",
    "blanks and dots": "\u3164.\ufe0f",
    "windows folder": "C:\\temp\\",
    "windows parent": "..\\a.txt",
    "nul": "a.php\0.jpg",
    "newline": "a\nb.pdf",
    "carriage return": "a.pdf\r",
    "tab": "a\tb.pdf",
    "escape": "a\x1b[31m.pdf",
    "delete": "a\x7f.pdf",
    "c1 control": "a\x9b.pdf",
    "line separator": "a\u2028.pdf",
    "lone surrogate": "a\udc80.pdf",
    "256 bytes": "a" * 252 + ".pdf",
    "5000 characters": "a" * 4996 + ".pdf",
    "100000 characters": "ü" * 100_000,
    "long in bytes": "ü" * 126 + ".pdf",
}


@pytest.mark.parametrize("name", BAD.values(), ids=BAD.keys())
def test_a_name_that_misleads_is_refused(name: str | None) -> None:
    """Paths, controls and excess are refused, not repaired."""
    with pytest.raises(BadName):
        clean_name(name, 255)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("report.pdf", "report.pdf"),
        ("  a b.pdf ", "a b.pdf"),
        ("a.jpg.", "a.jpg"),
        ("a.jpg . .", "a.jpg"),
        ("e\u0301te\u0301.pdf", "été.pdf"),
        ("CON.png", "_CON.png"),
        ("nul", "_nul"),
        ("com1.tar.zip", "_com1.tar.zip"),
        ("LPT¹.txt", "_LPT¹.txt"),
        ("console.txt", "console.txt"),
        (".htaccess", "_.htaccess"),
        ("-o.pdf", "_-o.pdf"),
        ("..%2f..%2fpasswd.txt", "_..%2f..%2fpasswd.txt"),
        ("|id.pdf", "|id.pdf"),
        ("<img src=x onerror=alert(1)>.png", "<img src=x onerror=alert(1)>.png"),
        ("{{7*7}}.png", "{{7*7}}.png"),
        ("می\u200cخواهم.pdf", "می\u200cخواهم.pdf"),
        ("👨\u200d👩\u200d👧.png", "👨\u200d👩\u200d👧.png"),
        ("a" * 251 + ".pdf", "a" * 251 + ".pdf"),
        ("报告.docx", "报告.docx"),
        ("C:\\temp\\a.txt", "a.txt"),
        ("\\\\server\\share\\a.txt", "a.txt"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("a\u2066b\u2069.pdf", "ab.pdf"),
        ("\u200eWhatsApp Image.jpg", "WhatsApp Image.jpg"),
        ("a\u200b.p\u2060df", "a.pdf"),
        ("\ufeffa.pdf", "a.pdf"),
        ("a\u200db.pdf", "ab.pdf"),
        ("ا\u200d\u200d.pdf", "ا.pdf"),
        ("e\u200b\u0301.pdf", "é.pdf"),
        ("C\u200bON.png", "_CON.png"),
        ("a.jpg\u200b.", "a.jpg"),
        ("a.jpg\u2002.", "a.jpg"),
        ("\u2002\u200d\u0314.…pdf", "\u0314.…pdf"),
        ("\u3164.pdf", "_.pdf"),
        ("\u115f\u1160.pdf", "_.pdf"),
        (" \u2800 .pdf", "_.pdf"),
        ("\u034f\ufe0f\u200d.pdf", "_.pdf"),
        ("\U000e0100\uffa0.pdf", "_.pdf"),
        ("❤\ufe0f.pdf", "❤\ufe0f.pdf"),
        ("nul:.pdf", "nul_.pdf"),
        ("a:b.pdf", "a_b.pdf"),
        ("C:a.pdf", "C_a.pdf"),
        ("Re: é.pdf", "Re_ é.pdf"),
    ],
)
def test_an_untidy_name_is_made_safe(given: str, kept: str) -> None:
    """Names are composed and trimmed, what is not seen in them is taken out, and they are kept
    from meaning something to a shell or to Windows.
    """
    assert clean_name(given, 255) == kept


def test_cleaning_twice_changes_nothing() -> None:
    """A clean name is a fixed point, whatever it was made of."""
    marks = "ae.-~ \u0301\u200b\u200c\u200d\u202e\u2066\ufeffاب\u212a\uff0e\u00ad👨COM1"
    chance = random.Random(41)
    names = ["".join(chance.choices(marks, k=chance.randint(1, 12))) for _ in range(3000)]
    kept = 0
    for name in ["-o.pdf", " CON .png", "a.jpg. ", ".x", *names]:
        try:
            once = clean_name(name, 255)
        except BadName:
            continue
        kept += 1
        assert clean_name(once, 255) == once, ascii(name)
        assert once == unicodedata.normalize("NFC", once)
        assert not {"\u200b", "\u202e", "\u2066", "\ufeff", "\u00ad"} & set(once)
    assert kept > 2000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("a.pdf", "attachment; filename=\"a.pdf\"; filename*=UTF-8''a.pdf"),
        ("é 1.pdf", "attachment; filename=\"e 1.pdf\"; filename*=UTF-8''%C3%A9%201.pdf"),
        ("报.pdf", "attachment; filename=\"_.pdf\"; filename*=UTF-8''%E6%8A%A5.pdf"),
        (
            'x"; filename="y',
            "attachment; filename=\"x_; filename=_y\"; filename*=UTF-8''x%22%3B%20filename%3D%22y",
        ),
        ("a%2fb.pdf", "attachment; filename=\"a_2fb.pdf\"; filename*=UTF-8''a%252fb.pdf"),
        (
            "a\uff0fb'(1).pdf",
            "attachment; filename=\"a_b'(1).pdf\"; filename*=UTF-8''a%EF%BC%8Fb%27%281%29.pdf",
        ),
    ],
)
def test_a_disposition_has_one_right_name(name: str, value: str) -> None:
    """The header has a plain fallback and the exact name, and nothing in a name can add to it."""
    assert content_disposition("attachment", name, released=False) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("a.pdf", "filename=\"released-a.pdf\"; filename*=UTF-8''released-a.pdf"),
        ("é.pdf", "filename=\"released-e.pdf\"; filename*=UTF-8''released-%C3%A9.pdf"),
        ("a", "filename=\"released-a\"; filename*=UTF-8''released-a"),
    ],
)
def test_the_name_of_what_was_released_says_so_in_both_forms(name: str, value: str) -> None:
    """Whoever finds it among his downloads later sees no header."""
    found = content_disposition("attachment", name, released=True)
    assert found == f"attachment; {value}"


@pytest.mark.parametrize("name", ["a" * 251 + ".pdf", "é" * 125 + ".pdf", "a." + "b" * 253])
def test_and_is_no_longer_than_a_file_system_takes(name: str) -> None:
    header = content_disposition("attachment", name, released=True)
    kept = unquote(header.partition("UTF-8''")[2])
    assert kept.startswith("released-")
    assert 253 <= len(kept.encode()) <= 255 or name.startswith("a.")
    assert kept.endswith(name[-4:])


def test_a_disposition_is_one_line_of_ascii() -> None:
    """Whatever the name, the header is ASCII without line breaks."""
    value = content_disposition("inline", "".join(map(chr, range(0x20, 0x3000))), released=False)
    assert value.isascii()
    assert value.isprintable()
