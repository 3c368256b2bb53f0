"""Video and audio in the cell: the containers opened, and what is read of them bounded.

The libraries of FFmpeg, by PyAV: from an open file, with the one demuxer that our own type names
and the few decoders of the formats that we take, on one thread. They get no protocol, so nothing
that a file names is opened; the cell could not open it either.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, TypeVar

import av
import av.subtitles.codeccontext
import av.subtitles.stream
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream

from workers.rendering.refusal import Refused

Media = TypeVar("Media", VideoStream, AudioStream)

BYTES = 256 * 1024 * 1024  # of the file, read in all
_STREAMS = 32
# What the containers hold that we take: film and sound as phones, cameras and browsers write them.
_DECODERS = frozenset(
    {
        *("h264", "hevc", "vp8", "vp9", "libdav1d", "mpeg4", "mjpeg", "prores"),
        *("aac", "alac", "mp3", "mp3float", "opus", "vorbis", "flac"),
        *("pcm_u8", "pcm_s8", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be"),
        *("pcm_s32le", "pcm_s32be", "pcm_f32le", "pcm_f32be", "pcm_f64le", "pcm_f64be"),
        *("pcm_alaw", "pcm_mulaw"),
    }
)


class _Bounded:
    """A file that ends when so many bytes were read of it, wherever they stand."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._file = file
        self.left = most

    def read(self, size: int) -> bytes:
        piece = self._file.read(min(size, self.left))
        self.left -= len(piece)
        return piece

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


@contextmanager
def opened(file: BinaryIO, demuxer: str, pixels: int) -> Iterator[InputContainer]:
    """Open a container with one demuxer; raises Refused for what FFmpeg cannot read.

    Some frames are decoded here already, to learn what the container does not tell: the decoders
    know their limit of pixels from the start.
    """
    limits = {
        "protocol_whitelist": "none",
        "codec_whitelist": ",".join(sorted(_DECODERS)),
        "max_pixels": str(pixels),
        "max_streams": str(_STREAMS),
        "threads": "1",
    }
    try:
        with av.open(_Bounded(file, BYTES), "r", format=demuxer, options=limits) as container:
            yield container
    except (FFmpegError, MemoryError) as error:
        raise Refused(f"not decodable: {str(error)[:150]}") from error


def chosen(streams: tuple[Media, ...]) -> Media:
    """The first stream that can be decoded; raises Refused when there is none."""
    for stream in streams:
        context = stream.codec_context
        if context is not None and context.codec.name in _DECODERS:
            context.thread_count = 1
            return stream
    raise Refused("nothing in it that is decoded")


def packets(container: InputContainer, stream: Media, most: int) -> Iterator[Packet[Media]]:
    """The packets of one stream, at most `most`."""
    for number, packet in enumerate(container.demux(stream)):
        if number >= most:
            return
        yield packet
