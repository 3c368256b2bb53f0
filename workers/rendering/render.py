"""Thumbnails of an inspected file, made in the cell and doubted here.

Names the loader from the type that our own policy found, never from what the file says, and lets
only small bare WebP pictures through. Decodes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, BinaryIO

from uploads.documents.readers.limits import PIXELS
from workers.rendering.webp import NotAPicture, dimensions
from workers.sandbox.parent import Cell, CellBroken, CellCrashed, CellTimeout, Reply

SIDES = (200, 800)  # pixels of the longer side, at most
PICTURE_LIMIT = 2 * 1024 * 1024  # bytes

LOADERS = {
    "image/jpeg": "jpeg",
    "image/png": "png",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/avif": "avif",
    "image/heic": "heic",
    "image/tiff": "tiff",
    "application/pdf": "pdf",
}


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

    def render(self, file: BinaryIO, type: str) -> list[Picture]:  # noqa: A002
        """Make the thumbnails of an open file whose canonical type our policy found.

        Raises Unrenderable, RenderTimeout, CellKilled, or CellBroken when the cell itself is out of
        order.
        """
        if not self.handles(type):
            raise Unrenderable(f"{type} has no thumbnails")
        options = {"loader": LOADERS[type], "pixels": self._pixels, "sides": list(SIDES)}
        limit = len(SIDES) * PICTURE_LIMIT
        try:
            reply = self._cell.run("render", file, options, payload_limit=limit)
        except CellTimeout as error:
            raise RenderTimeout(str(error)) from error
        except CellBroken:
            raise
        except CellCrashed as error:
            raise Unrenderable(str(error)) from error
        return _pictures(reply)


def _pictures(reply: Reply) -> list[Picture]:
    """Cut the payload into the pictures the result claims; raises Unrenderable unless they are."""
    if "refused" in reply.result:
        raise Unrenderable(str(reply.result["refused"])[:200])
    claims = reply.result.get("pictures")
    if not isinstance(claims, list) or len(claims) != len(SIDES):
        raise Unrenderable("the reply claims no pictures")
    pictures, at = [], 0
    for side, claim in zip(SIDES, claims, strict=True):
        picture = _picture(side, claim, reply.payload[at:])
        pictures.append(picture)
        at += len(picture.data)
    if at != len(reply.payload):
        raise Unrenderable("the reply holds more than pictures")
    return pictures


def _picture(side: int, claim: Any, rest: bytes) -> Picture:
    """Take one picture off the payload: as claimed, bare, and small enough."""
    if not isinstance(claim, dict) or not all(type(claim.get(key)) is int for key in _CLAIMED):
        raise Unrenderable("the reply claims no size")
    data = rest[: max(0, claim["bytes"])]
    try:
        width, height = dimensions(data)
    except NotAPicture as error:
        raise Unrenderable(f"the reply is no picture: {error}") from error
    if (width, height) != (claim["width"], claim["height"]) or not 0 < max(width, height) <= side:
        raise Unrenderable("the picture has another size than claimed or asked for")
    if len(data) != claim["bytes"] or len(data) > PICTURE_LIMIT:
        raise Unrenderable("the picture is too large")
    return Picture(f"thumbnail-{side}", "image/webp", width, height, data)


_CLAIMED = ("bytes", "width", "height")
