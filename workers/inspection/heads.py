"""What a member of an archive is packed as, by its first bytes: what we open, and what we do not.

Knows no library. Each magic stands where its format has it, and is long enough that honest files
of other kinds do not begin so.
"""

from __future__ import annotations

import re
import zlib

from workers.inspection.tars import AR, is_tar
from workers.inspection.unpacking import begins_as_lzma

HEAD_BYTES = 0x9006
"""How much of a member is looked at: a disc says what it is behind its first 32 KiB."""
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

_OPENED = (
    (re.compile(rb"PK\x03\x04|PK\x05\x06"), "zip"),
    (re.compile(rb"%PDF-"), "pdf"),
    (re.compile(rb"\x1f\x8b\x08"), "gzip"),
    (re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)", re.DOTALL), "bzip2"),
    (re.compile(rb"\xfd7zXZ\0"), "xz"),
    # A file of lzma has no magic: the usual properties, a dictionary of a usual size, a length.
    # Damaged ones are refused as such; of all others only what can be unpacked is one.
    (
        re.compile(
            rb"\x5d\0\0[\0\x01\x02\x04\x08\x10\x20\x40\x80][\0-\x0c](?:\xff{8}|.{5}\0{3})\0",
            re.DOTALL,
        ),
        "xz",
    ),
    (re.compile(re.escape(AR)), "ar"),
)
_CLOSED = (
    (0, rb"7z\xbc\xaf\x27\x1c", "7z"),
    (0, rb"Rar!\x1a\x07|RE~\^", "RAR"),
    (0, rb"MSCF\0{4}|ISc\(", "cabinet"),
    (7, rb"\*\*ACE\*\*", "ACE"),
    (2, rb"-l(?:h[0-9dx]|z[4s])-", "LHA"),
    (20, rb"\xdc\xa7\xc4\xfd", "zoo"),
    (0, rb"xar!\0\x1c|xar!\0\x40", "xar"),
    (0, rb"\xed\xab\xee\xdb", "RPM"),
    (0, rb"07070[127][0-9A-Fa-f]{70}|\xc7\x71.{18}[\x02-\xff]\0", "cpio"),
    (0, rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18", "zstd"),
    (0, rb"\x04\x22\x4d\x18|\x02\x21\x4c\x18|LZIP\x01|\x89LZO\0\r\n|\x1f\x9d[\x89-\x90]", "stream"),
    (0, rb"MSWIM\0{3}|hsqs|sqsh", "image of a file system"),
    (0, rb"KDMV|QFI\xfb|vhdxfile|conectix", "image of a disk"),
    (0x40, rb"\x7f\x10\xda\xbe", "image of a disk"),
    (0x8001, rb"CD001|BEA01|NSR0[23]", "image of a disc"),
    (0x8801, rb"CD001|NSR0[23]", "image of a disc"),
    (0x9001, rb"CD001|NSR0[23]", "image of a disc"),
    (
        0,
        rb".{3}NTFS    .{499}\x55\xaa|.{54}FAT1[26].{451}\x55\xaa|.{82}FAT32.{423}\x55\xaa",
        "image of a disk",
    ),
    (0, rb"ITSF[\x02\x03]\0{3}", "CHM"),
    (0, rb"StuffIt \(c\)|SIT!", "StuffIt"),
    (0, rb"\x78\x9f\x3e\x22", "TNEF"),
)
_CLOSED_AT = [(at, re.compile(magic, re.DOTALL), name) for at, magic, name in _CLOSED]
_ARJ = b"\x60\xea"


def opened_as(head: bytes) -> str | None:
    """How something that begins like this is unpacked here; None where nothing is in it."""
    found = next((kind for magic, kind in _OPENED if magic.match(head)), None)
    if found is None and is_tar(head):
        return "tar"
    return "xz" if found is None and begins_as_lzma(head) else found


def closed(head: bytes) -> str | None:
    """The name of a container that is not opened here; None where it is none."""
    if _is_arj(head):
        return "ARJ"
    return next((name for at, magic, name in _CLOSED_AT if magic.match(head, at)), None)


def _is_arj(head: bytes) -> bool:
    """Its first header has a checksum (unarj, technote.txt)."""
    size = int.from_bytes(head[2:4], "little")
    if not head.startswith(_ARJ) or not 30 <= size <= 2600:
        return False
    return zlib.crc32(head[4 : 4 + size]) == int.from_bytes(head[4 + size : 8 + size], "little")
