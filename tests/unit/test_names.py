"""File names: what misleads is refused, what is merely untidy is made safe."""

from __future__ import annotations

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
    "windows path": "C:\\temp\\a.txt",
    "windows parent": "..\\a.txt",
    "nul": "a.php\0.jpg",
    "newline": "a\nb.pdf",
    "carriage return": "a.pdf\r",
    "tab": "a\tb.pdf",
    "escape": "a\x1b[31m.pdf",
    "delete": "a\x7f.pdf",
    "c1 control": "a\x9b.pdf",
    "right-to-left override": "invoice\u202efdp.exe",
    "isolate": "a\u2066b.pdf",
    "right-to-left mark": "a\u200f.pdf",
    "zero-width space": "a\u200b.pdf",
    "byte order mark": "\ufeffa.pdf",
    "joiner between letters": "a\u200db.pdf",
    "joiner before the ending": "ا\u200d.pdf",
    "word joiner": "a\u2060.pdf",
    "line separator": "a\u2028.pdf",
    "lone surrogate": "a\udc80.pdf",
    "256 bytes": "a" * 252 + ".pdf",
    "5000 characters": "a" * 4996 + ".pdf",
    "100000 characters": "ü" * 100_000,
    "long in bytes": "ü" * 126 + ".pdf",
}


@pytest.mark.parametrize("name", BAD.values(), ids=BAD.keys())
def test_a_name_that_misleads_is_refused(name: str | None) -> None:
    """Paths, controls, hidden and reordering characters, and excess are refused, not repaired."""
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
    ],
)
def test_an_untidy_name_is_made_safe(given: str, kept: str) -> None:
    """Names are composed, trimmed and kept from meaning something to a shell or to Windows."""
    assert clean_name(given, 255) == kept


def test_cleaning_twice_changes_nothing() -> None:
    """A clean name is a fixed point."""
    for name in ("-o.pdf", " CON .png", "a.jpg. ", ".x"):
        once = clean_name(name, 255)
        assert clean_name(once, 255) == once


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
    assert content_disposition("attachment", name) == value


def test_a_disposition_is_one_line_of_ascii() -> None:
    """Whatever the name, the header is ASCII without line breaks."""
    value = content_disposition("inline", "".join(map(chr, range(0x20, 0x3000))))
    assert value.isascii()
    assert value.isprintable()
