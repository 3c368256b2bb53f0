"""Thumbnails and previews of an inspected file, made in the cell and doubted here.

Names the loader from the type that our own policy found, never from what the file says, and lets
only small bare WebP pictures through. Decodes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO

from uploads.documents.kinds import CODE, OFFICE, PAGED
from uploads.documents.readers.limits import PIXELS
from workers.rendering.webp import NotAPicture, dimensions
from workers.sandbox.parent import Cell, CellBroken, CellCrashed, CellTimeout, Reply

SIDES = (200, 800)  # pixels of the longer side, at most
PICTURE_LIMIT = 2 * 1024 * 1024  # bytes
PAGES = 10  # of a document that has pages, at most
PAGE_SIDE = 1600  # pixels of the longer side, at most
PAGES_LIMIT = 12 * 1024 * 1024  # bytes of all pages together

LOADERS = {
    "image/jpeg": "jpeg",
    "image/png": "png",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/avif": "avif",
    "image/heic": "heic",
    "image/tiff": "tiff",
    "application/pdf": "pdf",
    **dict.fromkeys(OFFICE, "office"),
    "text/plain": "text lines",
    "text/markdown": "text lines",
    "text/csv": "text table",
    CODE: "text lines",
    "application/json": "text lines",
    # Video and audio name FFmpeg's demuxer as well.
    "video/mp4": "video mov",
    "video/quicktime": "video mov",
    "video/webm": "video matroska",
    "audio/mpeg": "audio mp3",
    "audio/mp4": "audio mov",
    "audio/wav": "audio wav",
    "audio/ogg": "audio ogg",
}


# Bytes that drawing one may take, where what a file describes has no size of its own to be judged
# by before: a page of 100,000 annotations took 650 MiB.
MEMORY = {"application/pdf": 448 * 1024 * 1024}


class Unrenderable(Exception):
    """Raised when a file cannot be made into a picture: its own fault, trying again is useless."""


class RenderTimeout(Exception):
    """Raised when a picture took longer than the cell may."""


@dataclass(frozen=True)
class Picture:
    """One rendition: bytes of `type`, `width` × `height` pixels, without metadata."""

    name: str
    type: str
    width: int
    height: int
    data: bytes


class Renderer:
    """Makes thumbnails in `cell`; `pixels` bounds width × height of what is decoded."""

    def __init__(self, cell: Cell, *, pixels: int = PIXELS) -> None:
        self._cell = cell
        self._pixels = pixels

    def handles(self, type: str) -> bool:  # noqa: A002 - the word of the interface
        """Whether files of this canonical type have thumbnails."""
        return type in LOADERS

    def render(self, file: BinaryIO, type: str, whose: str | None = None) -> list[Picture]:  # noqa: A002
        """Make the thumbnails of an open file whose canonical type our policy found.

        With `whose`, by a child that may have drawn for the same owner before.
        Raises Unrenderable, RenderTimeout, CellKilled, or CellBroken when the cell itself is out of
        order.
        """
        if not self.handles(type):
            raise Unrenderable(f"{type} has no thumbnails")
        named = [(f"thumbnail-{side}", side) for side in SIDES]

        def checked(reply: Reply) -> list[Picture]:
            pictures = _pictures(reply, named)
            if len(pictures) != len(named):
                raise Unrenderable("the reply claims too few pictures")
            return pictures

        most = len(SIDES) * PICTURE_LIMIT
        return self._made(file, type, {"sides": list(SIDES)}, most, checked, whose)

    def pages(self, file: BinaryIO, type: str, whose: str | None = None) -> list[Picture]:  # noqa: A002
        """Make previews of the first pages: up to the first that cannot be drawn or takes long.

        None for a type without pages. Raises as `render` does.
        """
        if type not in PAGED:
            return []
        bounds = {
            "pages": PAGES,
            "side": PAGE_SIDE,
            "bytes": PAGES_LIMIT,
            "seconds": self._cell.seconds / 2,
        }
        named = [(f"page-{at}", PAGE_SIDE) for at in range(1, PAGES + 1)]
        checked = partial(_pictures, named=named)
        return self._made(file, type, bounds, PAGES_LIMIT, checked, whose)

    def _made(
        self,
        file: BinaryIO,
        type: str,  # noqa: A002
        wanted: dict[str, Any],
        limit: int,
        checked: Callable[[Reply], list[Picture]],
        whose: str | None,
    ) -> list[Picture]:
        task, options = _task(type), {"loader": LOADERS[type], "pixels": self._pixels, **wanted}

        def flawless(reply: Reply) -> bool:
            try:
                return bool(checked(reply))
            except Unrenderable:
                return False

        try:
            reply = self._cell.run(
                *(task, file, options),
                payload_limit=limit,
                memory_bytes=MEMORY.get(type),
                whose=whose if task == "render" else None,
                flawless=flawless,
            )
        except CellTimeout as error:
            raise RenderTimeout(str(error)) from error
        except CellBroken:
            raise
        except CellCrashed as error:
            raise Unrenderable(str(error)) from error
        return checked(reply)


def _task(type: str) -> str:  # noqa: A002
    return "media" if type.startswith(("video/", "audio/")) else "render"


def _pictures(reply: Reply, named: list[tuple[str, int]]) -> list[Picture]:
    """Cut the payload into the pictures the result claims; raises Unrenderable unless they are.

    Names and the longest sides allowed are ours, in order; the reply may have fewer of them.
    """
    if "refused" in reply.result:
        raise Unrenderable(str(reply.result["refused"])[:200])
    claims = reply.result.get("pictures")
    if not isinstance(claims, list) or len(claims) > len(named):
        raise Unrenderable("the reply claims no pictures")
    pictures, at = [], 0
    for (name, side), claim in zip(named, claims, strict=False):
        picture = _picture(name, side, claim, reply.payload[at : at + PICTURE_LIMIT + 1])
        pictures.append(picture)
        at += len(picture.data)
    if at != len(reply.payload):
        raise Unrenderable("the reply holds more than pictures")
    return pictures


def _picture(name: str, side: int, claim: Any, rest: bytes) -> Picture:
    """Take one picture off the payload: as claimed, bare, and small enough."""
    if not isinstance(claim, dict) or not all(type(claim.get(key)) is int for key in _CLAIMED):
        raise Unrenderable("the reply claims no size")
    if claim["bytes"] > PICTURE_LIMIT:
        raise Unrenderable("the picture is too large")
    data = rest[: max(0, claim["bytes"])]
    try:
        width, height = dimensions(data)
    except NotAPicture as error:
        raise Unrenderable(f"the reply is no picture: {error}") from error
    if (width, height) != (claim["width"], claim["height"]) or not 0 < max(width, height) <= side:
        raise Unrenderable("the picture has another size than claimed or asked for")
    if len(data) != claim["bytes"]:
        raise Unrenderable("the picture is cut short")
    return Picture(name, "image/webp", width, height, data)


_CLAIMED = ("bytes", "width", "height")
