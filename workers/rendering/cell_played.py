"""The child's side of rendering what is played: a film's frame, a sound's waveform.

A task of its own, for FFmpeg's libraries are many: whoever forks for a picture or a PDF would copy
their tables as well.
"""

from __future__ import annotations

from typing import Any, BinaryIO

from av.error import FFmpegError

from workers.rendering import cell_audio, cell_pictures, cell_video
from workers.rendering.refusal import Refused

_MODULES = {"video": cell_video, "audio": cell_audio}


def warm_up(options: dict[str, Any]) -> None:
    """Load what the decoders need; leaves no thread behind."""
    cell_pictures.warm_up()
    for module in _MODULES.values():
        module.warm_up()


def run(file: BinaryIO, options: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Return thumbnails of `sides` pixels and their sizes, or the reason why there are none."""
    kind, demuxer = options["loader"].split()
    try:
        image = _MODULES[kind].load(file, options["pixels"], max(options["sides"]), demuxer)
        pictures = cell_pictures.thumbnails(image, options["sides"])
        return cell_pictures.encoded(pictures, kind == "video")
    except Refused as error:
        return {"refused": str(error)}, b""
    except (FFmpegError, ValueError, OSError) as error:
        return {"refused": f"not decodable: {str(error)[:150]}"}, b""
