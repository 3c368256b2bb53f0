"""Files that strangers send, by the rows of the requirements, and what becomes of each."""

from __future__ import annotations

import io
import struct
import tarfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from PIL import Image, PngImagePlugin

from tests.hostile.doors import (
    CLEAN,
    EMPTY,
    INFECTED,
    NOT_ALLOWED,
    WRONG_TYPE,
    Ends,
    Refused,
    malformed,
)
from tests.support import closed_files, packed_files, samples, second_formats
from tests.support.benign_files import pack

MARK = b"c4nary-of-the-c0ntent"
_SECOND = {
    "rar in png": "png",
    "7z in jpeg": "jpg",
    "cabinet in jpeg": "jpg",
    "rar in mp4": "mp4",
    "rar in tag of mp3": "mp3",
    "pdf behind mp3": "mp3",
    "gzip behind tiff": "tif",
}
"""Which of these are sent through every door, and under which ending."""


@dataclass(frozen=True)
class File:
    """One file of a row. `content` is made when it is sent; `{url}` in it is the canary's."""

    row: int
    label: str
    name: str
    declared: str
    content: Callable[[str], bytes]
    expected: Refused | Ends

    def __str__(self) -> str:
        return f"{self.row} {self.label}"


def _file(
    row: int,
    label: str,
    name: str,
    content: bytes | Callable[[str], bytes],
    expected: Refused | Ends,
    declared: str = "",
) -> File:
    made = (lambda _: content) if isinstance(content, bytes) else content
    return File(row, label, name, declared, made, expected)


def chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk of PNG (RFC 2083, section 3.2)."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, data: bytes = b"\0\0\0\0") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(data))
        + chunk(b"IEND", b"")
    )


def png_with_text(key: str, text: str) -> bytes:
    out, words = io.BytesIO(), PngImagePlugin.PngInfo()
    words.add_text(key, text)
    Image.new("RGB", (32, 32), "teal").save(out, "PNG", pnginfo=words)
    return out.getvalue()


def jpeg_with_comment(words: bytes) -> bytes:
    """A COM segment right behind SOI (ITU-T T.81, B.2.4.5)."""
    plain = samples.jpeg()
    return plain[:2] + b"\xff\xfe" + struct.pack(">H", len(words) + 2) + words + plain[2:]


def tar(link: str = "") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo("../../etc/cron.d/x")
        if link:
            member.type, member.linkname = tarfile.LNKTYPE, link
        archive.addfile(member, io.BytesIO())
    return out.getvalue()


def svg(url: str) -> bytes:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" onload="fetch(\'{url}\')">'
        f'<image href="{url}"/><foreignObject><iframe src="{url}"/></foreignObject></svg>'
    ).encode()


def _polyglots() -> Iterator[File]:
    php = b"<?php echo '" + MARK + b"'; ?>"
    yield _file(4, "php in a jpeg's comment", "a.jpg", jpeg_with_comment(php), CLEAN)
    page = b"<!doctype html><script>" + MARK + b"</script>"
    yield _file(5, "page as png", "a.png", page, WRONG_TYPE, "image/png")
    signature = b"\x89PNG\r\n\x1a\n"
    garbage = signature + b"garbage <script>" + MARK + b"</script>"
    yield _file(6, "png without a header", "a.png", garbage, WRONG_TYPE)
    archive = samples.zip_file()
    for label, name, content in (
        ("gif and zip", "a.gif", samples.gif() + archive),
        ("gif and page", "a.gif", samples.gif() + page),
        ("png and zip", "a.png", samples.png() + archive),
        ("jpeg and zip", "a.jpg", samples.jpeg() + archive),
        ("webp and zip", "a.webp", samples.webp() + archive),
        ("wav and zip", "a.wav", samples.wav() + archive),
        ("mp4 and zip", "a.mp4", samples.iso_media(b"isom") + archive),
    ):
        yield _file(7, label, name, content, malformed("trailing-data"))
    both = archive + samples.zip_of({"b": b"b"})
    yield _file(7, "zip and zip", "a.zip", both, malformed("malformed-file"))
    for label, found in _SECOND.items():
        type_, content, _ = second_formats.second_formats()[label]
        yield _file(7, label, f"a.{found}", content, Ends("rejected", "second-format"), type_)
    yield _file(7, "pdf and zip", "a.pdf", samples.pdf() + archive, malformed("trailing-data"))


def _pictures() -> Iterator[File]:
    yield _file(8, "svg", "a.svg", lambda url: svg(url), NOT_ALLOWED, "image/svg+xml")
    yield _file(8, "svg as png", "a.png", lambda url: svg(url), WRONG_TYPE, "image/png")
    yield _file(8, "svg as text", "a.txt", lambda url: svg(url), WRONG_TYPE)
    yield _file(22, "60,000 × 60,000", "a.png", png(60_000, 60_000), malformed("bomb"))
    broken = bytearray(samples.png())
    broken[-1] ^= 1
    yield _file(
        23, "png with a wrong checksum", "a.png", bytes(broken), malformed("malformed-file")
    )
    yield _file(23, "jpeg cut off", "a.jpg", samples.jpeg()[:-700], CLEAN)
    yield _file(23, "png cut off", "a.png", samples.png()[:-30], malformed("malformed-file"))
    profile = png_with_text("profile", "/etc/passwd")
    yield _file(31, "png that names a profile", "a.png", profile, CLEAN)


def _sizes() -> Iterator[File]:
    for ending, make in samples.SAMPLES.items():
        yield _file(24, f"0 bytes of {ending}", f"a.{ending}", b"", EMPTY)
        whole = make()
        for size in (1, 511, 512, 513):
            if ending in {"txt", "csv", "md", "py"}:
                text = (whole * 513)[:size].decode(errors="ignore").encode()
                yield _file(26, f"{size} bytes of {ending}", f"a.{ending}", text, CLEAN)


def _texts() -> Iterator[File]:
    script = "<script>alert(1)</script> " + MARK.decode()
    yield _file(27, "utf-16", "a.txt", script.encode("utf-16"), CLEAN)
    utf7 = b"+ADw-script+AD4-alert(1)+ADw-/script+AD4-"
    yield _file(27, "utf-7", "a.txt", utf7, CLEAN)
    for label, formula in (
        ("command", b"=cmd|' /C calc'!A0"),
        ("function", b"@SUM(1+9)*cmd|' /C calc'!A0"),
        ("tab in front", b"\t=1+1"),
    ):
        content = b"name,value\nx," + formula + b"\n"
        yield _file(30, f"csv formula, {label}", "a.csv", content, CLEAN, "text/csv")
    sheet = b"@import url('//127.0.0.1:9/x'); body { background: url(javascript:alert(1)) }\n"
    yield _file(27, "a style sheet", "a.css", sheet, CLEAN, "text/css")
    yield _file(27, "a shell script", "a.sh", b"#!/bin/sh\nexec id\n", CLEAN, "application/x-sh")
    yield _file(27, "json with markup", "a.json", b'{"<script>": "</script>"}', CLEAN)
    for ending in ("js", "mjs", "xml", "xhtml", "php", "bat", "ps1", "vbs", "hta"):
        yield _file(27, f"{ending}, which runs", f"a.{ending}", b"alert(1)\n", NOT_ALLOWED)
    page = b"<!DOCTYPE html><script>alert(1)</script>"
    for ending in ("py", "css", "json"):
        yield _file(27, f"a page as {ending}", f"a.{ending}", page, WRONG_TYPE)


def _programs() -> Iterator[File]:
    elf = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHI", 2, 62, 1) + bytes(200)
    windows = b"MZ".ljust(0x3C, b"\0") + struct.pack("<L", 0x80) + bytes(0x40) + b"PE\0\0"
    shortcut = b"L\0\0\0\1\x14\2\0\0\0\0\0\xc0\0\0\0\0\0\0F" + bytes(200)
    for label, content in (
        ("elf", elf),
        ("windows", windows + bytes(200)),
        ("elf of zeros", b"\x7fELF" + bytes(9000)),
        ("java class", b"\xca\xfe\xba\xbe\0\0\0\x41" + bytes(200)),
        ("wasm", b"\0asm\1\0\0\0" + bytes(200)),
        ("shortcut", shortcut),
        ("disc image", bytes(32769) + b"CD001\1" + bytes(2000)),
    ):
        yield _file(28, label, "a.pdf", content, WRONG_TYPE, "application/pdf")
    vectors = "push graphic-context\nfill 'url({url})'\npop graphic-context"
    postscript = "%!PS\n({url}) run"
    script = '<?xml version="1.0"?><image><read filename="{url}"/></image>'
    for label, text in (("mvg", vectors), ("postscript", postscript), ("msl", script)):
        for ending in ("png", "jpg", "pdf"):
            yield _file(
                29,
                f"{label} as {ending}",
                f"a.{ending}",
                lambda url, text=text: text.replace("{url}", url).encode(),
                WRONG_TYPE,
            )
    for label, content in (("tar", tar()), ("tar with a link", tar("/etc/passwd"))):
        yield _file(33, label, "a.tar", content, NOT_ALLOWED)
        yield _file(33, f"{label} as zip", "a.zip", content, WRONG_TYPE)


def _lies() -> Iterator[File]:
    """Row 42: what is declared decides nothing by itself, but a lie is refused."""
    yield _file(42, "page declared png", "a.png", b"<html>x", WRONG_TYPE, "image/png")
    yield _file(42, "png declared page", "a.png", samples.png(), WRONG_TYPE, "text/html")
    yield _file(42, "png declared pdf", "a.png", samples.png(), WRONG_TYPE, "application/pdf")
    for silent in ("", "application/octet-stream"):
        yield _file(42, f"png declared {silent!r}", "a.png", samples.png(), CLEAN, silent)
        yield _file(42, f"page declared {silent!r}", "a.png", b"<html>x", WRONG_TYPE, silent)
    yield _file(42, "docx declared zip", "a.docx", samples.docx_file(), CLEAN, "application/zip")
    yield _file(42, "docx named zip", "a.zip", samples.docx_file(), WRONG_TYPE, "application/zip")
    yield _file(42, "zip named docx", "a.docx", samples.zip_file(), WRONG_TYPE)


def _packed() -> Iterator[File]:
    """Rows 2, 3, 16 and 33, in what is not a ZIP itself."""
    virus, refused = packed_files.packed_virus(), packed_files.packed_refused()
    for label in ("eicar in tar.xz in zip", "eicar in zip behind a program in zip"):
        yield _file(2, label, "a.zip", virus[label][1], INFECTED)
    for label in ("eicar in pdf by png 4, indirect", "eicar in pdf by all of them"):
        yield _file(3, label, "a.pdf", virus[label][1], INFECTED)
    for label in ("7z", "disc", "pst", "ext"):
        content = pack({"a": closed_files.closed()[label]})
        yield _file(16, f"{label} in zip", "a.zip", content, Ends("unscannable", "unknown-packing"))
    for label in ("encrypted office", "tar with a link out"):
        _, content, reason = refused[label]
        state = "rejected" if reason == "malformed-file" else "unscannable"
        yield _file(16, f"{label} in zip", "a.zip", content, Ends(state, reason))


FILES = (
    *_polyglots(),
    *_pictures(),
    *_sizes(),
    *_texts(),
    *_programs(),
    *_lies(),
    *_packed(),
)
