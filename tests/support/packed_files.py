"""Files inside of files, in every way in which programs pack them: opened by us, or not."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Mapping

from tests.support.benign_files import DOCX, ODF, opendocument, pack, pdf, with_members, word
from tests.support.hostile_files import OLE, PDF, ZIP, eicar, eicar_pdf, eicar_zip, program
from tests.support.pdf_filters import CHAINS, Filter, attached
from tests.support.zip_bytes import Piece, make_zip

Table = dict[str, tuple[str, bytes, str]]


def tar(members: Mapping[str, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def _unnamed(archive: bytes) -> bytes:
    """The same, its first header without the name that nobody needs."""
    head = bytes(100) + archive[100:148]
    rest = archive[156 : tarfile.BLOCKSIZE]
    total = sum(head) + sum(rest) + 8 * ord(" ")
    return head + b"%06o\0 " % total + rest + archive[tarfile.BLOCKSIZE :]


def _lzma(data: bytes, **properties: int) -> bytes:
    """A file of lzma that does not begin as most do."""
    filters = [{"id": lzma.FILTER_LZMA1, **properties}]
    return lzma.compress(data, lzma.FORMAT_ALONE, filters=filters)


def tar_of(kind: bytes, link: str = "", name: str = "a") -> bytes:
    """A tar whose one member is no file."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, link
        archive.addfile(info)
    return out.getvalue()


def ar(members: Mapping[str, bytes]) -> bytes:
    out = b"!<arch>\n"
    for name, data in members.items():
        out += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n".encode()
        out += data + b"\n" * (len(data) % 2)
    return out


def led_zip(members: Mapping[str, bytes], lead: bytes, *, counted: bool) -> bytes:
    """A ZIP behind other bytes; `counted`: its offsets are those in the whole file."""
    if not counted:
        return lead + pack(dict(members))
    out = io.BytesIO(lead)
    out.seek(0, io.SEEK_END)
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def in_small_pieces(data: bytes) -> bytes:
    """Deflated so that the first piece of any reader is one byte: empty blocks follow it."""
    first, rest = data[:1], data[1:]
    block = struct.pack("<BHH", 0, 1, 0xFFFE) + first
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    empty = struct.pack("<BHH", 0, 0, 0xFFFF)
    return block + empty * 120_000 + deflater.compress(rest) + deflater.flush()


def zip_in_small_pieces(data: bytes) -> bytes:
    class Packed(Piece):
        @property
        def packed(self) -> bytes:
            return in_small_pieces(data)

    return make_zip(Packed(b"a", data))


def _pdf_in_small_pieces(data: bytes) -> bytes:
    def made(data: bytes) -> bytes:
        return b"\x78\x9c" + in_small_pieces(data) + zlib.adler32(data).to_bytes(4, "big")

    return attached([Filter("/FlateDecode", made)], data)


def _odd_lzma() -> dict[str, bytes]:
    """What no usual packer makes, and any unpacker opens."""
    return {
        "lzma of other properties": _lzma(eicar(), lc=0, lp=2, pb=1),
        "lzma of another dictionary": _lzma(eicar(), dict_size=3 << 19),
    }


def packed_virus() -> dict[str, tuple[str, bytes]]:
    """Return label → (type, bytes): EICAR, packed in ways that we open."""
    members = {"a.txt": b"text", "b.com": eicar()}
    packed = {
        "gzip": gzip.compress(eicar()),
        "bzip2": bz2.compress(eicar()),
        "xz": lzma.compress(eicar()),
        "lzma": lzma.compress(eicar() + bytes(99), lzma.FORMAT_ALONE),
        **_odd_lzma(),
        "two of gzip": gzip.compress(b"text") + bytes(9) + gzip.compress(eicar()),
        "tar": tar(members),
        "gnu tar": tar({"n" * 300: b"text", **members}, tarfile.GNU_FORMAT),
        "pax tar": tar({"ä" * 300: b"text", **members}),
        "gzip in tar that begins without a name": _unnamed(tar({"ä": gzip.compress(eicar())})),
        "tar.gz": gzip.compress(tar(members)),
        "tar.bz2": bz2.compress(tar(members)),
        "tar.xz": lzma.compress(tar(members)),
        "deb": ar({"debian-binary": b"2.0\n", "data.tar.xz": lzma.compress(tar(members))}),
        "zip behind a program": led_zip(members, program(), counted=False),
        "zip behind text, counted": led_zip(members, b"#!/bin/sh\n" * 99, counted=True),
        "zip and a signature behind it": led_zip(members, b"x", counted=False) + b"signed" * 99,
        "zip behind a gif": led_zip(members, b"GIF89a", counted=False),
        "zip behind zeros": led_zip(members, bytes(70_000), counted=True),
        "pdf behind text": b"text\n" * 20 + eicar_pdf(),
    }
    return {
        **{f"eicar in {label} in zip": (ZIP, pack({"a": data})) for label, data in packed.items()},
        "eicar in tar in docx": (DOCX, with_members(word(), {"word/media/a": tar(members)})),
        "eicar in zip in small pieces": (ZIP, zip_in_small_pieces(eicar_zip())),
        "eicar in zip in pdf in small pieces": (PDF, _pdf_in_small_pieces(eicar_zip())),
        "eicar in tar.gz in pdf": (PDF, attached([], gzip.compress(tar(members)))),
        **{
            f"eicar in pdf by {label}": (PDF, attached(each, eicar()))
            for label, each in CHAINS.items()
        },
        **{
            f"eicar in pdf by {label}, indirect": (PDF, attached(each, eicar(), indirect=True))
            for label, each in CHAINS.items()
        },
    }


def _members_refused() -> dict[str, tuple[bytes, str]]:
    """Return label → (bytes, reason) of members that must not pass."""
    locked = with_members(
        opendocument(ODF + "text"), {"META-INF/manifest.xml": b"<m><encryption-data/></m>"}
    )
    package = OLE + bytes(99) + "EncryptedPackage".encode("utf-16-le") + bytes(99)
    return {
        "tar with holes": (tar_of(tarfile.GNUTYPE_SPARSE), "unknown-packing"),
        "encrypted office": (package, "encrypted"),
        "encrypted opendocument": (locked, "encrypted"),
        "encrypted zip behind a program": (
            program() + make_zip(Piece(b"a", b"x" * 13, 0, flags=1)),
            "encrypted",
        ),
        "tar that goes on": (tar({"a": b"b"}) + tar({"c": b"d"}), "trailing-data"),
        "tar with a hole in its blocks": (tar({"a": b"b"})[:1024] + b"x" * 512, "malformed-file"),
        "tar cut off": (tar({"a": bytes(9999)})[:2048], "malformed-file"),
        "tar that climbs": (tar({"../../etc/cron.d/x": b"b"}), "malformed-file"),
        "tar with a link out": (tar_of(tarfile.LNKTYPE, "/etc/passwd"), "malformed-file"),
        "tar with a climbing link": (tar_of(tarfile.SYMTYPE, "a/../../b"), "malformed-file"),
        "tar with a device": (tar_of(tarfile.CHRTYPE), "malformed-file"),
        "gzip cut off": (gzip.compress(bytes(9999))[:-9], "malformed-file"),
        "gzip and more": (gzip.compress(b"a") + b"more", "malformed-file"),
        "xz damaged": (lzma.compress(bytes(9999))[:-20] + bytes(20), "malformed-file"),
        "bzip2 of zeros": (bz2.compress(bytes(40 << 20)), "bomb"),
        "xz of zeros": (lzma.compress(bytes(40 << 20)), "bomb"),
        "tar in tar in tar": (tar({"a": tar({"b": tar({"c": b"d"})})}), "too-deep"),
    }


def packed_refused() -> Table:
    """Return label → (type, bytes, reason) of what must not pass, whatever is in it."""
    foreign = attached([Filter("/DCTDecode", bytes)], eicar())
    unfit = attached([Filter("/FlateDecode", bytes)], eicar())
    return {
        **{
            label: (ZIP, pack({"a": data}), reason)
            for label, (data, reason) in _members_refused().items()
        },
        "7z in pdf": (PDF, attached([], b"7z\xbc\xaf\x27\x1c\0\4" + bytes(90)), "unknown-packing"),
        "attachment as a picture": (PDF, foreign, "unknown-packing"),
        "attachment by no predictor": (
            PDF,
            attached([Filter("/FlateDecode", zlib.compress, {"/Predictor": 7})], eicar()),
            "unknown-packing",
        ),
        "attachment that is damaged": (PDF, unfit, "malformed-file"),
        "bomb in two filters": (
            PDF,
            attached([Filter("/FlateDecode", zlib.compress)] * 2, bytes(64 << 20)),
            "bomb",
        ),
    }


def _roomy() -> Piece:
    """Padded as Office and Android do, with a time, and comments by people."""
    padded = struct.pack("<4H", 0xA220, 400, 0xA028, 0) + bytes(396)
    field = struct.pack("<2HBL", 0x5455, 5, 1, 1_700_000_000)
    return Piece(b"a", b"x", local_extra=padded + field, extra=field, comment=b"PK is a name " * 9)


def packed_honest() -> dict[str, tuple[str, bytes]]:
    """Return label → (type, bytes) of what looks like one of these, and is none."""
    members = {
        "a.tar": tar({"a": b"text", "b/c": bytes(3000)}),
        "links.tar": tar_of(tarfile.SYMTYPE, "b/c"),
        "linked.tar": tar_of(tarfile.SYMTYPE, "../b", "a/c"),
        "folder.tar": tar_of(tarfile.DIRTYPE),
        "empty.tar": tar({}),
        "b.tar.gz": gzip.compress(tar({"a": b"text"})),
        "padded.gz": gzip.compress(b"text") + bytes(512),
        "c.bz2": bz2.compress(b"text"),
        "d.xz": lzma.compress(b"text") + lzma.compress(b"more") + bytes(4),
        "lib.a": ar({"/": b"odd", "a.o/": b"text"}),
        "setup.exe": led_zip({"a": b"b"}, program(), counted=False),
        "app.pyz": led_zip({"__main__.py": b"pass"}, b"#!/usr/bin/python3\n", counted=True),
        "numbers.bin": struct.pack("<16L", 1, 2, 5, *range(13)),
        "zeros.bin": b"\x5d\0\x10" + bytes(99),
        "numbers.idx": struct.pack("<BLQ", 0, 4096, 99) + bytes(range(256)) * 200,
        "about.txt": b"A PDF begins with %PDF-1.7, bzip2 with BZh9, tar has ustar in it.",
        "ends.bin": b"A ZIP ends like this: PK\5\6" + bytes(40),
        "shifted.pdf": b"\n\n" + pdf(),
    }
    return {
        "zip of packed members": (ZIP, pack(members)),
        "zip with room beside its entries": (ZIP, make_zip(_roomy())),
        **{
            f"attachment by {label}": (PDF, attached(each, b"text " * 99))
            for label, each in CHAINS.items()
        },
    }
