"""HEIC in the cell: libheif decodes, libvips gets the pixels and the colour profile.

libheif turns the picture upright by itself; the EXIF orientation must not be applied again.
"""

from __future__ import annotations

from typing import BinaryIO

import pillow_heif
import pyvips
from PIL import Image

from workers.rendering import cell_vips
from workers.rendering.refusal import Refused

# What pillow-heif makes of libheif's errors, by their kind; a file without pictures is the last.
_REFUSALS = (ValueError, SyntaxError, EOFError, RuntimeError, IndexError)
_BANDS = {"RGB": 3, "RGBA": 4, "L": 1, "LA": 2}


def warm_up() -> None:
    """Leave out what a thumbnail does not need, and load the decoders."""
    pillow_heif.options.THUMBNAILS = False
    pillow_heif.options.AUX_IMAGES = False
    pillow_heif.options.DEPTH_IMAGES = False
    pillow_heif.options.DECODE_THREADS = 2
    pillow_heif.libheif_info()


def load(file: BinaryIO, pixels: int, side: int) -> Image.Image:
    """Decode the primary picture.

    Raises Refused before decoding when it has too many pixels, or where libheif refuses it.
    """
    try:
        heif = pillow_heif.open_heif(file, convert_hdr_to_8bit=True)
        width, height = heif.size
        if width * height > pixels:
            raise Refused(f"{width} x {height} pixels")
        if heif.mode not in _BANDS:
            raise Refused(f"pixels of mode {heif.mode}")
        data = bytes(heif.data)
    except _REFUSALS as error:
        raise Refused(f"not decodable: {str(error)[:150]}") from error
    width, height = heif.size
    image = pyvips.Image.new_from_memory(data, width, height, _BANDS[heif.mode], "uchar")
    image = image.copy(interpretation="srgb" if _BANDS[heif.mode] > 2 else "b-w")
    profile = heif.info.get("icc_profile")
    if profile:
        image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    return cell_vips.fit(image, side)
