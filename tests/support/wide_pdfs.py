"""PDFs of very many objects, and of objects that lead back to themselves, written byte by byte."""

from __future__ import annotations

from collections.abc import Sequence


def pdf_of(objects: Sequence[bytes]) -> bytes:
    """A PDF of these objects, numbered from 1; the first is the catalogue."""
    out, starts, at = [b"%PDF-1.7\n"], [], 9
    for number, body in enumerate(objects, start=1):
        starts.append(at)
        out.append(b"%d 0 obj\n%s\nendobj\n" % (number, body))
        at += len(out[-1])
    out.append(b"xref\n0 %d\n0000000000 65535 f \n" % (len(starts) + 1))
    out += (b"%010d 00000 n \n" % start for start in starts)
    out.append(b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(starts) + 1, at))
    return b"".join(out)


def many_pages(count: int) -> bytes:
    """All of them under one node."""
    pages = [b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>"] * count
    return pdf_of([b"<</Type/Catalog/Pages 2 0 R>>", _node(count), *pages])


def many_annotations(count: int) -> bytes:
    """All of them on one page, each with something to draw."""
    drawn = b"<</Type/Annot/Subtype/Square/Rect[9 9 99 99]/C[1 0 0]>>"
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Annots[%s]>>" % _named(4, count)
    return pdf_of([b"<</Type/Catalog/Pages 2 0 R>>", _node(1), page, *[drawn] * count])


def vast_page() -> bytes:
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 1000000 1000000]>>"
    return pdf_of([b"<</Type/Catalog/Pages 2 0 R>>", _node(1), page])


def table_in_a_loop() -> bytes:
    """A cross-reference table whose predecessor is itself."""
    return (
        b"%PDF-1.7\nxref\n0 1\n0000000000 65535 f \n"
        b"trailer<</Size 1/Root 1 0 R/Prev 9>>\nstartxref\n9\n%%EOF"
    )


def stream_in_itself() -> bytes:
    """An object stream that is said to lie in itself, as is the catalogue (ISO 32000-1, 7.5.7)."""
    inner = b"1 0 <</Type/Catalog/Pages 1 0 R>>"
    held = b"2 0 obj\n<</Type/ObjStm/N 1/First 4/Extends 2 0 R/Length %d>>stream\n%s\nendstream\n"
    body = b"%PDF-1.7\n" + held % (len(inner), inner) + b"endobj\n"
    rows = b"\0\0\0\xff" + b"\2\0\2\0" * 2 + b"\1" + len(body).to_bytes(2, "big") + b"\0"
    table = b"3 0 obj\n<</Type/XRef/Size 4/W[1 2 1]/Root 1 0 R/Length %d>>stream\n%s\nendstream\n"
    return body + table % (len(rows), rows) + b"endobj\nstartxref\n%d\n%%%%EOF\n" % len(body)


def _node(count: int) -> bytes:
    return b"<</Type/Pages/Count %d/Kids[%s]>>" % (count, _named(3, count))


def _named(first: int, count: int) -> bytes:
    return b" ".join(b"%d 0 R" % number for number in range(first, first + count))
