"""Previews of a document's pages, made in a real cell."""

from __future__ import annotations

import io

import pikepdf
import pytest

from tests.support import samples
from tests.support.cells import cell_children
from tests.support.pictures import alike, cell, decoded, opened, pages
from workers.rendering.render import Renderer, Unrenderable
from workers.sandbox.parent import Cell

BLUE, WHITE = (26, 51, 204), (255, 255, 255)


def test_the_first_ten_pages() -> None:
    """A PDF of twelve pages has previews of the first ten, in order, each drawn from its page."""
    made = pages(samples.pdf(12))
    assert [one.name for one in made] == [f"page-{number}" for number in range(1, 11)]
    assert {(one.width, one.height, one.type) for one in made} == {(1131, 1600, "image/webp")}
    page = decoded(made[9]).convert("RGB")
    bar = page.getpixel((560, 1600 - int(620 / 842 * 1600)))
    assert alike([bar, page.getpixel((1100, 1590))], [BLUE, WHITE])  # type: ignore[list-item]
    assert made[0].data != made[9].data


def test_a_page_of_text_is_drawn_in_sixteen_greys() -> None:
    """Without loss; its areas keep their own greys, and only the edges of letters are rounded."""
    document = pikepdf.new()
    page = document.add_blank_page(page_size=(595, 842))
    font = {"/Type": pikepdf.Name.Font, "/Subtype": pikepdf.Name.Type1}
    font["/BaseFont"] = pikepdf.Name.Helvetica
    page.obj.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=pikepdf.Dictionary(font)))
    text = b"0.9 g 0 700 595 142 re f 0 g BT /F1 11 Tf 13 TL 50 660 Td "
    text += b"(The quick brown fox jumps over the lazy dog, and again and again.) Tj T* " * 30
    page.obj.Contents = document.make_stream(text + b"ET")
    out = io.BytesIO()
    document.save(out)
    (made,) = pages(out.getvalue())
    assert made.data[12:16] == b"VP8L"
    shown = decoded(made).convert("RGB")
    colours = shown.getcolors(16)
    assert colours is not None
    assert len(colours) > 4
    assert [shown.getpixel(at) for at in ((500, 100), (20, 1500))] == [(230,) * 3, (255,) * 3]


def broken_at(number: int) -> bytes:
    """Four pages, one of which is a number where a page should be."""
    document = pikepdf.new()
    for _ in range(4):
        document.add_blank_page(page_size=(100, 100))
    document.Root.Pages.Kids[number] = document.make_indirect(7)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def test_a_page_that_fails() -> None:
    """It ends the list; the pages before it are there."""
    assert [one.name for one in pages(broken_at(2))] == ["page-1", "page-2"]
    assert pages(broken_at(0)) == []


def test_pages_without_end() -> None:
    """A hundred thousand pages cost no more than the first ten."""
    document = pikepdf.new()
    document.add_blank_page(page_size=(100, 100))
    kids = document.Root.Pages
    page = document.pages[0].obj
    many = [page] * 1000
    inner = document.make_indirect(
        pikepdf.Dictionary(Type=pikepdf.Name.Pages, Count=1000, Kids=many, Parent=kids)
    )
    kids.Kids, kids.Count = pikepdf.Array([inner] * 100), 100_000
    out = io.BytesIO()
    document.save(out)
    assert len(pages(out.getvalue())) == 10


@pytest.mark.parametrize(("bound", "least"), [({"bytes": 30_000}, 1), ({"seconds": 0}, 0)])
def test_bounds(bound: dict[str, int], least: int) -> None:
    """Pages end where the bytes of all together or the time run out."""
    options = {"loader": "pdf", "pixels": 1, "pages": 10, "side": 1600, "bytes": 1e6, "seconds": 9}
    with opened(samples.pdf(10)) as file:
        reply = cell().run("render", file, {**options, **bound}, payload_limit=1_000_000)
    assert least <= len(reply.result["pictures"]) < 10
    assert sum(one["bytes"] for one in reply.result["pictures"]) == len(reply.payload)


def test_a_page_without_end() -> None:
    """A page that takes long ends the list when time is over; what was drawn before is there."""
    document = pikepdf.new()
    for shapes in (1, 1, 30_000):
        page = document.add_blank_page(page_size=(600, 800))
        page.obj.Contents = document.make_stream(b"0 0 m 600 800 l 0 800 600 0 9 9 c f " * shapes)
    out = io.BytesIO()
    document.save(out)
    options = {"loader": "pdf", "pixels": 1, "pages": 10, "side": 1600, "bytes": 1e6, "seconds": 1}
    with opened(out.getvalue()) as file:
        reply = cell().run("render", file, options, payload_limit=1_000_000)
    assert len(reply.result["pictures"]) in (1, 2)  # one, where a second is short


def test_what_has_no_pages() -> None:
    """A picture has none and no child is started for it; what is no PDF is unrenderable."""
    nothing = Renderer(Cell(seconds=1, memory_bytes=1))
    with opened(samples.png()) as file:
        assert nothing.pages(file, "image/png") == []
    with pytest.raises(Unrenderable):
        pages(b"%PDF-1.7 nothing")
    assert cell_children() == []
