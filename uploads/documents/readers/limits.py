"""How far a file may go, unpacked or decoded, and what is raised when it wants to go further.

One place for the door, which sees a file pass, and for the parser cell, which has all of it. Knows
no format.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

RATIO_FROM_BYTES = 32 * 1024 * 1024
"""What may swell at any ratio, of one entry and of all together: plain pictures do (BMP, EMF)."""
PIXELS = 250_000_000
# One frame is drawn of many, but decoders list all of them: libwebp in the square of these.
_FRAMES = 30_000
_STEPS = 150_000
_BYTES_PER_STEP = 4
_PACKED_BYTES_PER_STEP = 2


class Refusal(Exception):
    """Raised when a file is not what can be accepted. `reason` is the contract's code.

    `detail` says it in a few words for the operator and never holds anything out of the file.
    `found` is the media type that the content has instead, where the reason is `type-mismatch`.
    """

    def __init__(self, reason: str, detail: str, found: str | None = None) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.found = found


@dataclass(frozen=True, slots=True)
class Limits:
    """Entries and unpacked bytes of all nested archives together, ratio of one entry, nesting.

    `readable` is how many of these bytes every engine is known to read, where that is fewer.
    `deadline` is when one file's time is over, for all that look at it: by `time.monotonic`, which
    runs alike in all processes of a machine.
    """

    entries: int = 10_000
    bytes: int = 1024 * 1024 * 1024
    ratio: int = 200
    depth: int = 3
    pixels: int = PIXELS
    readable: int | None = None
    deadline: float | None = None

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Limits:
        """Take the limits out of a mapping named as in the settings, as cells' options are."""
        return cls(
            entries=int(options["archive_entries"]),
            bytes=int(options["archive_bytes"]),
            ratio=int(options["archive_ratio"]),
            depth=int(options["archive_depth"]),
            pixels=int(options["image_pixels"]),
            readable=options.get("archive_readable"),
            deadline=options.get("deadline"),
        )

    def check_picture(self, width: int, height: int, frames: int = 1) -> None:
        """Raises: Refusal for a picture without a size, or with more than a decoder may be given:
        pixels of its canvas, and frames however small.
        """
        if width < 1 or height < 1:
            raise Refusal("malformed-file", "picture: no size")
        if width * height > self.pixels:
            raise Refusal("bomb", "picture: too many pixels")
        if frames > _FRAMES:
            raise Refusal("bomb", "picture: too many frames")

    def options(self) -> dict[str, float | None]:
        """Return the limits as a cell's options."""
        return {
            "archive_entries": self.entries,
            "archive_bytes": self.bytes,
            "archive_ratio": self.ratio,
            "archive_depth": self.depth,
            "image_pixels": self.pixels,
            "archive_readable": self.readable,
            "deadline": self.deadline,
        }


@dataclass(slots=True)
class Steps:
    """What is left to be read object by object, or undone byte by byte, without getting any larger.

    A step is about four microseconds. Who reads all that is packed in one file shares them, and
    they follow from the size of that file: what is packed may be as long as one likes.
    """

    left: int = _STEPS
    begun: bool = False

    @classmethod
    def of_packed(cls, size: int) -> Steps:
        """For all that is packed in a file of `size` bytes."""
        return cls(2 * _STEPS + size // _PACKED_BYTES_PER_STEP, begun=True)


@dataclass(slots=True)
class Budget:
    """What one file has used up of its limits, across everything nested in it.

    `size` is the file's own, in bytes, where the whole is held against it as well: very many
    entries, each below what one may swell to, are a bomb together.
    """

    limits: Limits
    size: int | None = None
    steps: Steps = field(default_factory=Steps)
    entries: int = field(default=0, init=False)
    bytes: int = field(default=0, init=False)

    def begin(self, size: int) -> None:
        """Allow as many steps more as a document of `size` bytes may need to be read.

        Of a file the first time alone: all else that begins is a part of it.
        """
        if not self.steps.begun:
            self.steps.left += size // _BYTES_PER_STEP
            self.steps.begun = True

    def look(self, steps: int) -> None:
        """Count what was read of a document. Raises: Refusal."""
        self.check_time()
        self.steps.left -= steps
        if self.steps.left < 0:
            raise Refusal("bomb", "more to read than a file of its size has")

    def enter(self, entries: int) -> None:
        """Count entries of an archive, before they are read. Raises: Refusal."""
        self.check_time()
        self.entries += entries
        if self.entries > self.limits.entries:
            raise Refusal("bomb", "too many entries")

    def unpack(self, piece: int, *, so_far: int, packed: int) -> None:
        """Count `piece` bytes just unpacked, of an entry `so_far` long. Raises: Refusal."""
        self.check_time()
        self.bytes += piece
        if self.bytes > self.limits.bytes:
            raise Refusal("bomb", "too many unpacked bytes")
        if self.limits.readable is not None and self.bytes > self.limits.readable:
            raise Refusal("too-large", "more unpacked bytes than the virus scanner reads")
        self.check_ratio(so_far, packed)
        if self.size is not None:
            self.check_whole(self.bytes, self.size)

    def check_time(self) -> None:
        """Raises: Refusal when this file's time is over."""
        if self.limits.deadline is not None and time.monotonic() > self.limits.deadline:
            raise Refusal("timeout", "more work than one file is given time for")

    def check_ratio(self, unpacked: int, packed: int) -> None:
        """Raises: Refusal when one entry swells more than the limit allows."""
        if unpacked > RATIO_FROM_BYTES and unpacked > packed * self.limits.ratio:
            raise Refusal("bomb", "compression ratio")

    def check_whole(self, unpacked: int, packed: int) -> None:
        """Raises: Refusal when all entries together swell more than the limit allows."""
        if unpacked > RATIO_FROM_BYTES + packed * self.limits.ratio:
            raise Refusal("bomb", "compression ratio of the whole")
