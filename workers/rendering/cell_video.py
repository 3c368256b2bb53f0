"""Video in the cell: one frame from near the beginning, upright and in its true shape."""

from __future__ import annotations

from fractions import Fraction
from typing import BinaryIO

from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from workers.rendering import cell_media
from workers.rendering.refusal import Refused

_PACKETS = 600  # until the first frame
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
    """The first frame at a tenth of the film, or the very first where that cannot be had."""
    length = container.duration or 0
    for start in (min(length // 10, _LATEST * _MICROSECONDS), 0):
        try:
            container.seek(max(0, start))
            stream.codec_context.flush_buffers()
            frame = _first(container, stream)
        except FFmpegError:
            frame = None
        if frame is not None:
            return frame
    raise Refused("no frame")


def _first(container: InputContainer, stream: VideoStream) -> VideoFrame | None:
    for packet in cell_media.packets(container, stream, _PACKETS):
        for frame in stream.decode(packet):
            return frame
    return None


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
