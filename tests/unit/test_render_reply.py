"""What a taken-over child may say instead of pictures; the child's answer is staged here."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, BinaryIO

import pytest
from PIL import Image

from tests.support import samples
from workers.rendering.render import PICTURE_LIMIT, Renderer, Unrenderable
from workers.rendering.webp import NotAPicture, dimensions
from workers.sandbox.answer import MalformedReply, Reply, parse
from workers.sandbox.parent import Cell


def webp(width: int, height: int, **options: Any) -> bytes:
    out = io.BytesIO()
    samples.picture(width, height).save(out, "WEBP", **options)
    return out.getvalue()


class Saying(Cell):
    """A cell whose child has said `reply`."""

    reply = Reply({})

    def run(
        self,
        task: str,
        file: BinaryIO,
        options: Mapping[str, Any] | None = None,
        *,
        payload_limit: int = 0,
        **_: Any,
    ) -> Reply:
        return type(self).reply


SMALL, LARGE = webp(200, 150), webp(800, 600)
HONEST = Reply(
    {
        "pictures": [
            {"bytes": len(SMALL), "width": 200, "height": 150},
            {"bytes": len(LARGE), "width": 800, "height": 600},
        ]
    },
    SMALL + LARGE,
)


def rendered(reply: Reply) -> list[bytes]:
    cell_type = type("Said", (Saying,), {"reply": reply})
    cell = cell_type(seconds=1, memory_bytes=1)
    return [p.data for p in Renderer(cell).render(io.BytesIO(), "image/png")]


def claiming(at: int, **claim: object) -> Reply:
    pictures = [dict(picture) for picture in HONEST.result["pictures"]]
    pictures[at].update(claim)
    return replace(HONEST, result={"pictures": pictures})


def with_small(data: bytes, **claim: object) -> Reply:
    claimed = claiming(0, bytes=len(data), **claim)
    return replace(claimed, payload=data + LARGE)


def test_honest() -> None:
    """The reply of an honest child is cut into its pictures."""
    assert rendered(HONEST) == [SMALL, LARGE]


exif = Image.Exif()
exif[0x010F] = "Kamera AG"
LIES = {
    "nothing": Reply({}),
    "no list": Reply({"pictures": {}}),
    "one picture": Reply({"pictures": HONEST.result["pictures"][:1]}, SMALL),
    "no objects": Reply({"pictures": [1, 2]}, SMALL + LARGE),
    "another width": claiming(0, width=199),
    "a width in words": claiming(0, width="200"),
    "true as a number": claiming(0, width=True),
    "negative length": claiming(0, bytes=-1),
    "length too long": claiming(1, bytes=len(LARGE) + 1),
    "more than pictures": replace(HONEST, payload=HONEST.payload + b"<script>"),
    "HTML": with_small(b"<html><script>alert(1)</script></html>"),
    "a JPEG": with_small(samples.jpeg(), width=640, height=480),
    "too large for its name": with_small(webp(201, 150), width=201, height=150),
    "EXIF inside": with_small(webp(200, 150, exif=exif)),
    "XMP inside": with_small(webp(200, 150, xmp=b"<x:xmpmeta/>")),
    "a profile inside": with_small(webp(200, 150, icc_profile=b"profile")),
    "an animation": with_small(
        webp(200, 150, save_all=True, append_images=[Image.new("RGB", (200, 150))])
    ),
    "HTML behind the picture": with_small(SMALL + b"<html>"),
    "an empty chunk name": with_small(SMALL[:12]),
    "cut short": with_small(SMALL[:-5]),
}


@pytest.mark.parametrize("name", LIES)
def test_lies(name: str) -> None:
    """Anything else than two small bare pictures of the claimed sizes is refused."""
    with pytest.raises(Unrenderable):
        rendered(LIES[name])


def pages(*sizes: tuple[int, int]) -> list[str]:
    made = [webp(*size) for size in sizes]
    claims = [
        {"bytes": len(data), "width": width, "height": height}
        for data, (width, height) in zip(made, sizes, strict=True)
    ]
    cell_type = type("Said", (Saying,), {"reply": Reply({"pictures": claims}, b"".join(made))})
    renderer = Renderer(cell_type(seconds=1, memory_bytes=1))
    return [picture.name for picture in renderer.pages(io.BytesIO(), "application/pdf")]


def test_pages() -> None:
    """Up to ten pages of 1600 pixels are taken, under our own names; not one more, none larger."""
    assert pages() == []
    assert pages((1600, 9), (9, 1600)) == ["page-1", "page-2"]
    assert pages(*[(9, 9)] * 10)[-1] == "page-10"
    for lie in ([(9, 9)] * 11, [(1601, 9)], [(9, 9), (9, 1601)]):
        with pytest.raises(Unrenderable):
            pages(*lie)


def test_heavy_picture() -> None:
    """A picture of more bytes than allowed is refused although its form is right."""
    body = SMALL[20:] + bytes(PICTURE_LIMIT + PICTURE_LIMIT % 2)
    chunk = b"VP8 " + len(body).to_bytes(4, "little") + body
    heavy = b"RIFF" + (len(chunk) + 4).to_bytes(4, "little") + b"WEBP" + chunk
    assert dimensions(heavy) == (200, 150)
    with pytest.raises(Unrenderable, match="too large"):
        rendered(with_small(heavy))


@pytest.mark.parametrize("options", [{}, {"lossless": True}])
def test_dimensions(options: dict[str, Any]) -> None:
    """The own reader agrees with Pillow on lossy, lossless and transparent pictures."""
    assert dimensions(webp(123, 45, **options)) == (123, 45)
    out = io.BytesIO()
    Image.new("RGBA", (77, 301), (1, 2, 3, 100)).save(out, "WEBP", **options)
    assert dimensions(out.getvalue()) == (77, 301)


@pytest.mark.parametrize("length", range(40))
def test_short_pictures(length: int) -> None:
    """No beginning of a picture is taken for one, nor breaks the reader."""
    with pytest.raises(NotAPicture):
        dimensions(SMALL[:length])


MALFORMED = {
    "nothing": b"",
    "no newline": b'{"result": {}, "payload": 0}',
    "not JSON": b"hello\n",
    "not UTF-8": b'{"result": {"a": "\xff"}, "payload": 0}\n',
    "a list": b"[]\n",
    "more keys": b'{"result": {}, "payload": 0, "x": 1}\n',
    "result is a list": b'{"result": [], "payload": 0}\n',
    "payload is true": b'{"result": {}, "payload": true}\nx',
    "payload missing": b'{"result": {}, "payload": 3}\nxx',
    "payload longer": b'{"result": {}, "payload": 3}\nxxxx',
    "payload above the limit": b'{"result": {}, "payload": 11}\n' + b"x" * 11,
    "a NUL": b'{"result": {"a": ["\\u0000"]}, "payload": 0}\n',
    "a lone surrogate in a key": b'{"result": {"\\ud800": 1}, "payload": 0}\n',
    "infinity": b'{"result": {"a": Infinity}, "payload": 0}\n',
    "a number without end": b'{"result": {"a": ' + b"9" * 60_000 + b'}, "payload": 0}\n',
    "nested without end": b'{"result": {"a": ' + b"[" * 60_000 + b"\n",
    "a long line": b'{"result": {"a": "' + b"x" * 66_000 + b'"}, "payload": 0}\n',
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed(name: str) -> None:
    """A reply that is not of the agreed form is refused, whatever else it is."""
    with pytest.raises(MalformedReply):
        parse(MALFORMED[name], 10)


def test_well_formed() -> None:
    """A reply of the agreed form is returned, payload and all."""
    said = b'{"result": {"a": [1, {"b": "\xc3\xa4"}]}, "payload": 2}\n\n\n'
    assert parse(said, 2) == Reply({"a": [1, {"b": "ä"}]}, b"\n\n")
