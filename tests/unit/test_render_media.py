"""Frames of films and waveforms of sounds, made of real files in a real cell."""

from __future__ import annotations

import contextlib
import struct
from fractions import Fraction

import pytest
from PIL import Image

from tests.support import samples
from tests.support.cells import cell_children
from tests.support.pictures import COLOURS, alike, cell, decoded, middles, opened, render
from tests.support.recordings import film, first_packet, lying, sound
from workers.rendering.render import Renderer, Unrenderable

FILMS = {
    "H.264 in MP4": ("video/mp4", "mp4", "libx264"),
    "H.265 in MP4": ("video/mp4", "mp4", "libx265"),
    "MPEG-4 in QuickTime": ("video/quicktime", "mov", "mpeg4"),
    "VP8 in WebM": ("video/webm", "webm", "libvpx"),
    "VP9 in WebM": ("video/webm", "webm", "libvpx-vp9"),
    "AV1 in WebM": ("video/webm", "webm", "libsvtav1"),
}
SOUNDS = {
    "MP3": ("audio/mpeg", "mp3", "libmp3lame"),
    "WAV": ("audio/wav", "wav", "pcm_s16le"),
    "AAC in MPEG-4": ("audio/mp4", "ipod", "aac"),
    "Opus in Ogg": ("audio/ogg", "ogg", "libopus"),
    "FLAC in Ogg": ("audio/ogg", "ogg", "flac"),
}


@pytest.mark.parametrize("name", FILMS)
def test_a_frame(name: str) -> None:
    """A film is shown by a frame of its own, which tells nothing else of it."""
    type_, form, codec = FILMS[name]
    small, large = render(film(form, codec), type_)
    assert (small.width, small.height, large.width, large.height) == (200, 150, 640, 480)
    assert alike(middles(decoded(large)), COLOURS, off=30)
    assert b"Kamera" not in large.data


def test_not_the_black_beginning() -> None:
    """The frame stands a tenth into the film."""
    black = [Image.new("RGB", (640, 480))] * 4
    large = render(film("webm", "libvpx", pictures=black + [samples.picture()] * 60), "video/webm")
    assert alike(middles(decoded(large[1])), COLOURS, off=40)


def test_forward_from_a_keyframe() -> None:
    """Where no keyframe stands a tenth into the film, the frame is decoded all the same."""
    shown = [Image.new("RGB", (640, 480))] * 4 + [samples.picture()] * 60
    rarely = {"g": "1000", "sc_threshold": "0"}
    large = render(film(pictures=shown, options=rarely), "video/mp4")[1]
    assert alike(middles(decoded(large)), COLOURS, off=40)


def test_a_keyframe_that_is_broken() -> None:
    """The film is shown by the next one, and not given up."""
    whole = film("webm", "libvpx", pictures=[samples.picture()] * 60, options={"g": "20"})
    packet = first_packet(whole)
    large = render(patched(whole, packet, b"\xff" * len(packet)), "video/webm")[1]
    assert alike(middles(decoded(large)), COLOURS, off=40)


def test_upright_and_in_shape() -> None:
    """A film that lies on its side is turned, and pixels that are not square are made so."""
    red, green, blue, sand = COLOURS
    turned = render(lying(film()), "video/mp4")[1]
    assert (turned.width, turned.height) == (480, 640)
    assert alike(middles(decoded(turned)), [blue, red, sand, green], off=30)
    wide = render(film(shape=Fraction(4, 3)), "video/mp4")[1]
    assert (wide.width, wide.height) == (800, 450)


@pytest.mark.parametrize("name", SOUNDS)
def test_a_waveform(name: str) -> None:
    """A sound is shown by its loudness over time: bars where it is loud, a line where it is not."""
    type_, form, codec = SOUNDS[name]
    large = decoded(render(sound(form, codec), type_)[1]).convert("L")
    assert large.size == (800, 400)
    high = [large.crop(box).getextrema()[0] for box in ((60, 100, 380, 140), (430, 100, 750, 140))]
    assert high[0] < 140 < 220 < high[1]  # type: ignore[operator]


def header(samples_claimed: int) -> bytes:
    """A WAV that claims to be so long, with a second of sound."""
    whole = bytearray(samples.wav(1))
    struct.pack_into("<I", whole, 40, 2 * samples_claimed)
    return bytes(whole)


def test_a_part_says_so() -> None:
    """Of what is longer only the first minutes are drawn, and the picture says it."""
    caption = (30, 330, 400, 390)
    hour = samples.wav(1)[:44] + bytes(2 * 8000 * 3600)
    hour = hour[:40] + struct.pack("<I", len(hour) - 44) + hour[44:]
    shown = [decoded(render(one, "audio/wav")[1]).convert("L") for one in (hour, samples.wav(1))]
    part, whole = (one.crop(caption).getextrema()[0] for one in shown)
    assert part < 150 < 230 < whole  # type: ignore[operator]


def patched(content: bytes, old: bytes, new: bytes) -> bytes:
    assert old in content
    return content.replace(old, new)


SIZE = struct.pack(">HH", 640, 480)
BROKEN = {
    "nothing to play": (samples.iso_media(b"isom"), "video/mp4"),
    "no film in it": (sound("ipod", "aac"), "video/mp4"),
    "a header alone": (samples.webm(), "video/webm"),
    "half": (film()[:1000], "video/mp4"),
    "another container": (film("webm", "libvpx"), "video/mp4"),
    "a playlist": (b"#EXTM3U\nfile:///etc/passwd\n", "video/mp4"),
    "a list of files": (b"ffconcat version 1.0\nfile /etc/passwd\n", "audio/mpeg"),
    "Ogg without sound": (samples.ogg(), "audio/ogg"),
    "a film as sound": (film(), "audio/mp4"),
    "nothing": (b"", "audio/wav"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken(name: str) -> None:
    """What is broken, or another thing than we named, is unrenderable."""
    with pytest.raises(Unrenderable):
        render(*BROKEN[name])


def test_too_many_pixels() -> None:
    """The size that the container tells is judged before a frame is decoded, and the decoder's."""
    small = {"loader": "video mov", "pixels": 640 * 480 - 1, "sides": [200]}
    with opened(film()) as file:
        reply = cell().run("media", file, small)
    assert "refused" in reply.result
    vast = patched(film(), SIZE, struct.pack(">HH", 60_000, 60_000))
    with opened(vast) as file:
        try:
            made = Renderer(cell(20)).render(file, "video/mp4")
        except Unrenderable:
            made = []
    assert all(max(one.width, one.height) <= 800 for one in made)


def test_sound_without_end() -> None:
    """A claim of endless sound costs what is there; and a file whose index is vast costs little."""
    assert render(header(2**30), "audio/wav")
    vast = patched(sound("ipod", "aac"), b"stsz" + bytes(8), b"stsz" + struct.pack(">II", 0, 2**31))
    with contextlib.suppress(Unrenderable):
        render(vast, "audio/mp4", seconds=20)
    assert cell_children() == []


def test_cut_short_sound() -> None:
    """Sound that breaks off is drawn as far as it goes."""
    whole = sound("mp3", "libmp3lame", seconds=4)
    assert len(render(whole[: len(whole) // 2] + b"\0" * 5000, "audio/mpeg")) == 2
