"""Audio in the cell: its waveform, of ten minutes at most, which the picture then says."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from itertools import pairwise
from typing import BinaryIO

from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from PIL import Image, ImageDraw

from workers.rendering import cell_lettering, cell_media
from workers.rendering.refusal import Refused

_SECONDS = 600
_RATE = 8000  # samples a second that are looked at
_PACKETS = 120_000
_CHANNELS, _FASTEST = 32, 768_000
_WIDTH, _HEIGHT, _BAR, _GAP, _EDGE = 800, 400, 5, 3, 40
_PAPER, _INK, _QUIET = "#f5f6f8", "#3d5bc9", "#5d6470"
_LETTERS = 24


def warm_up() -> None:
    """Load the letters."""
    cell_lettering.warm_up(_LETTERS)


def load(file: BinaryIO, pixels: int, side: int, demuxer: str) -> Image.Image:
    """Draw the loudness of the first stream over time; raises Refused when there is no sound."""
    with cell_media.opened(file, demuxer, pixels) as container:
        stream = cell_media.chosen(container.streams.audio)
        if stream.channels > _CHANNELS or not 0 < stream.rate <= _FASTEST:
            raise Refused(f"{stream.channels} channels of {stream.rate} Hz")
        samples, whole = _samples(container, stream)
    if not samples:
        raise Refused("no sound")
    return _drawn(_loudness(samples), None if whole else len(samples) // _RATE)


def _samples(container: InputContainer, stream: AudioStream) -> tuple[array[int], bool]:
    """All samples in one channel, or those of the first minutes; whether these are all."""
    found = array("h")
    resampler = AudioResampler(format="s16", layout="mono", rate=_RATE)
    for piece in _pieces(container, stream, resampler):
        found.frombytes(piece)
        if len(found) >= _SECONDS * _RATE:
            return found[: _SECONDS * _RATE], False
    length = container.duration or 0
    return found, length / 1_000_000 < len(found) / _RATE + 2


def _pieces(
    container: InputContainer, stream: AudioStream, resampler: AudioResampler
) -> Iterator[bytes]:
    """What can be decoded, up to the first damage."""
    try:
        for packet in cell_media.packets(container, stream, _PACKETS):
            for frame in stream.decode(packet):
                for small in resampler.resample(frame):
                    yield bytes(small.planes[0])[: 2 * small.samples]
    except FFmpegError:
        return


def _loudness(samples: array[int]) -> list[float]:
    """For each bar the largest swing in its stretch of time, 0 to 1."""
    bars = (_WIDTH - 2 * _EDGE) // (_BAR + _GAP)
    edges = [len(samples) * at // bars for at in range(bars + 1)]
    stretches = (samples[one:two] for one, two in pairwise(edges))
    return [max(max(part), -min(part)) / 32768 if part else 0.0 for part in stretches]


def _drawn(bars: list[float], seconds: int | None) -> Image.Image:
    """Bars around a middle line; below them how much was heard, where it is not all."""
    picture = Image.new("RGB", (_WIDTH, _HEIGHT), _PAPER)
    draw = ImageDraw.Draw(picture)
    for number, loud in enumerate(bars):
        left = _EDGE + number * (_BAR + _GAP)
        half = max(2, round(loud * (_HEIGHT / 2 - 2 * _EDGE)))
        box = (left, _HEIGHT // 2 - half, left + _BAR - 1, _HEIGHT // 2 + half)
        draw.rounded_rectangle(box, _BAR // 2, _INK)
    if seconds is not None:
        heard = f"the first {seconds // 60}:{seconds % 60:02}"
        font = cell_lettering.font(_LETTERS)
        draw.text((_EDGE, _HEIGHT - _EDGE - _LETTERS // 2), heard, _QUIET, font)
    return picture
