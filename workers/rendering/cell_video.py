"""Video in the cell: one frame from near the beginning, upright and in its true shape."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from typing import BinaryIO

from av.container import InputContainer
from av.error import FFmpegError, InvalidDataError
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from workers.rendering import cell_media
from workers.rendering.refusal import Refused

_PACKETS = 600  # looked at
_FORWARD_FRAMES, _FORWARD_SECONDS = 100, 2.0  # decoded on the way from a keyframe
_LATEST = 5  # seconds: films begin with black, and what comes later costs more reading
_MICROSECONDS = 1_000_000
# The container's angle is counterclockwise, as Pillow's are.
_TURNED = {
    90: Image.Transpose.ROTATE_90,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_270,
}


def warm_up() -> None:
    """Nothing: the libraries were loaded with this module."""


def load(file: BinaryIO, pixels: int, side: int, demuxer: str) -> Image.Image:
    """Decode one frame to fit into a square of `side`; raises Refused when there is none."""
    with cell_media.opened(file, demuxer, pixels) as container:
        films = [one for one in container.streams.video if not _is_cover(one)]
        stream = cell_media.chosen(tuple(films))
        if stream.width * stream.height > pixels:
            raise Refused(f"{stream.width} x {stream.height} pixels")
        return _upright(_frame(container, stream), stream.sample_aspect_ratio, side)


def _is_cover(stream: VideoStream) -> bool:
    return bool(stream.disposition & Disposition.attached_pic)


def _frame(container: InputContainer, stream: VideoStream) -> VideoFrame:
    """The frame at a tenth of the film, decoded forward from a keyframe; or the first to be had."""
    tenth = min((container.duration or 0) // 10, _LATEST * _MICROSECONDS)
    for start in (max(0, tenth), 0):
        try:
            container.seek(start)
            stream.codec_context.flush_buffers()
            frame = _forward(container, stream, start / _MICROSECONDS)
        except FFmpegError:
            frame = None
        if frame is not None:
            return frame
    raise Refused("no frame")


def _forward(container: InputContainer, stream: VideoStream, seconds: float) -> VideoFrame | None:
    """The first frame at so many seconds of the film, or the last that is decoded on the way."""
    beginning = (stream.start_time or 0) * (stream.time_base or 0)
    until = time.monotonic() + _FORWARD_SECONDS
    found = None
    for number, frame in enumerate(_frames(container, stream)):
        found = frame
        there = frame.time is None or frame.time - beginning >= seconds
        if there or number >= _FORWARD_FRAMES or time.monotonic() > until:
            break
    return found


def _frames(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """What can be decoded; packets that cannot, or refer to one that could not, are passed over."""
    for packet in cell_media.packets(container, stream, _PACKETS):
        with suppress(InvalidDataError):
            yield from stream.decode(packet)


def _upright(frame: VideoFrame, shape: Fraction | None, side: int) -> Image.Image:
    """Fit into the square, with pixels made square, and turned as the container says."""
    wide = frame.width * (shape if shape and Fraction(1, 4) <= shape <= 4 else 1)
    scale = min(1, side / max(wide, frame.height))
    width, height = max(1, round(wide * scale)), max(1, round(frame.height * scale))
    small = frame.reformat(width, height, "rgba", interpolation="AREA", threads=1)
    plane = small.planes[0]
    image = Image.frombytes("RGB", (width, height), bytes(plane), "raw", "RGBX", plane.line_size, 1)
    turned = _TURNED.get(round(frame.rotation / 90) * 90 % 360)
    return image if turned is None else image.transpose(turned)
