"""Files of some ten kilobytes in which there is very much to read: none may be clean."""

from __future__ import annotations

from tests.support.benign_files import DOCX, ODF, opendocument, pack, with_members, word
from tests.support.hostile_files import ZIP

MIB = 1024 * 1024
ODT = ODF + "text"
_PART = "word/document.xml"


def _filled(begin: bytes, unit: bytes, end: bytes, size: int = 30 * MIB) -> bytes:
    return begin + unit * (size // len(unit)) + end


def _elements(unit: bytes) -> bytes:
    return _filled(b"<r>", unit, b"</r>")


def swollen() -> dict[str, tuple[str, bytes, str]]:
    """Return label → (type, bytes, reason)."""
    empty, formulas = _elements(b"<a/>"), _elements(b"<f>a(</f>")
    quotes = _filled(b"<r><instrText>", b"QUOTE 1 ", b"</instrText></r>")
    switches = _filled(b"<r><instrText>HYPERLINK ", b"\\l ", b"</instrText></r>", 2 * MIB)
    rich = _filled(b"{\\rtf1 ", b"{}", b"}")
    page = _filled(b"%PDF-1.4\n", b"1 0 obj\n", b"trailer<</Root 1 0 R>>startxref 0 %%EOF")
    inner = with_members(word(), {_PART: _filled(b"<r>", b"<a/>", b"</r>", 8 * MIB)})
    return {
        "a part of empty elements": (DOCX, with_members(word(), {_PART: empty}), "bomb"),
        "a part of formulas": (DOCX, with_members(word(), {_PART: formulas}), "bomb"),
        "a field of quotes": (DOCX, with_members(word(), {_PART: quotes}), "bomb"),
        "a link of switches": (DOCX, with_members(word(), {_PART: switches}), "active-content"),
        "an OpenDocument of empty elements": (
            ODT,
            with_members(opendocument(ODT), {"content.xml": empty}),
            "bomb",
        ),
        "documents in an archive": (ZIP, pack({f"{n}.docx": inner for n in range(3)}), "bomb"),
        "rich text in an archive": (ZIP, pack({"a.rtf": rich}), "bomb"),
        "a damaged PDF in an archive": (ZIP, pack({"a.pdf": page}), "bomb"),
    }
