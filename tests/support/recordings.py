"""Films and sounds that can be played, made in code by the libraries that decode them."""

from __future__ import annotations

import io
import math
from array import array
from fractions import Fraction
from typing import Any

import av
from PIL import Image

from tests.support import samples

_UPRIGHT = bytes.fromhex("00010000" + "00" * 12 + "00010000" + "00" * 12 + "40000000")
_CLOCKWISE = bytes.fromhex("00000000 00010000 00000000 ffff0000" + "00" * 16 + "40000000")


def film(
    form: str = "mp4",
    codec: str = "libx264",
    *,
    pictures: list[Image.Image] | None = None,
    rate: int = 10,
    shape: Fraction = Fraction(1),
    options: dict[str, str] | None = None,
) -> bytes:
    """A film of these pictures, or of one second of the four quadrants; `shape` of one pixel.

    `options` are the encoder's.
    """
    shown = pictures or [samples.picture()] * rate
    out = io.BytesIO()
    with av.open(out, "w", format=form) as container:
        container.metadata.update(_WHERE)
        stream: Any = container.add_stream(codec, rate=rate)
        stream.width, stream.height = shown[0].size
        stream.pix_fmt = "yuv420p"
        stream.options = options or {}
        stream.codec_context.sample_aspect_ratio = shape
        for picture in shown:
            for packet in stream.encode(av.VideoFrame.from_image(picture)):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return out.getvalue()


def first_packet(whole: bytes) -> bytes:
    """The first packet of a film: its first keyframe."""
    with av.open(io.BytesIO(whole)) as source:
        return bytes(next(source.demux(source.streams.video[0])))


_WHERE = {"location": "+52.5200+013.4050/", "comment": "Kamera AG", "title": "Kamera AG"}


def lying(upright: bytes) -> bytes:
    """The film as a phone that was held upright writes it: to be turned clockwise when shown."""
    before, _, after = upright.partition(b"tkhd")
    return before + b"tkhd" + after.replace(_UPRIGHT, _CLOCKWISE, 1)


def sound(
    form: str = "wav", codec: str = "pcm_s16le", *, seconds: float = 2, rate: int = 48_000
) -> bytes:
    """A tone in the first half, silence in the second."""
    out = io.BytesIO()
    total = int(seconds * rate)
    with av.open(out, "w", format=form) as container:
        container.metadata.update(_WHERE)
        stream: Any = container.add_stream(codec, rate=rate)
        stream.layout = "mono"
        resampler = av.AudioResampler(stream.format, "mono", rate)
        for at in range(0, total, 1024):
            for whole in resampler.resample(_tone(at, rate, at < total // 2)):
                container.mux(stream.encode(whole))
        container.mux(stream.encode(None))
    return out.getvalue()


def _tone(at: int, rate: int, loud: bool) -> av.AudioFrame:
    heights = (round(24_000 * loud * math.sin((at + one) / 8)) for one in range(1024))
    frame = av.AudioFrame(format="s16", layout="mono", samples=1024)
    frame.planes[0].update(array("h", heights).tobytes())
    frame.sample_rate, frame.pts = rate, at
    return frame
