"""The closed list: containers and packings that nobody opens here, known by a few of their bytes.

What begins like one of them ends `unknown-packing`, whatever is in it. Each magic stands where its
format has it and is long enough, or is held against fields beside it, that honest files of other
kinds do not begin so. Not in it, because nothing tells them: brotli, raw deflate, ARC, `pack`. Nor
are texts that carry files in letters (mail, uuencode, BinHex). Knows no library.
"""

from __future__ import annotations

import re
import zlib

HEAD_BYTES = 0x10080
"""How much of a member's beginning is looked at: Btrfs says what it is behind 64 KiB."""
FOOT_BYTES = 512
"""How much of its end."""

_DISC, _DISK, _FILES = "image of a disc", "image of a disk", "image of a file system"
_STREAM, _TELEPHONE = "compressed stream", "image of a telephone"
_OTHER = "archive of a lesser kind"
_PLAIN_FAT = (
    rb"(?:\xeb.\x90|\xe9..).{8}\0[\2\4\x08\x10][\1\2\4\x08\x10\x20\x40\x80]..[\1\2].{4}"
    rb"[\xf0\xf8-\xff].{488}\x55\xaa"
)
"""A FAT that does not say so: a jump, sizes that are powers of two, one or two tables."""
_MAGICS = (
    # Archives.
    (0, rb"7z\xbc\xaf\x27\x1c", "7z"),
    (0, rb"Rar!\x1a\x07|RE~\^", "RAR"),
    (0, rb"MSCF\0{4}|ISc\(|\x13\x5d\x65\x8c", "cabinet"),
    (7, rb"\*\*ACE\*\*", "ACE"),
    (2, rb"-(?:lh[0-9dx]|lz[2-8s]|pm[0-2s])-", "LHA"),
    (20, rb"\xdc\xa7\xc4\xfd", "zoo"),
    (0, rb"xar!\0|pbz[-xze4b]\0", "xar"),
    (0, rb"\xed\xab\xee\xdb", "RPM"),
    (0, rb"07070[127][0-9A-Fa-f]{70}", "cpio"),
    (0, rb"\xc7\x71.{18}[\x02-\xff]\0|\x71\xc7.{18}\0[\x02-\xff]", "cpio"),
    (0, rb"StuffIt \(c\)|StuffIt[!?]|SIT!", "StuffIt"),
    (0, rb"S(?:IT[D2456]|T(?:46|50|60|65|i[n0-9])).{6}rLau", "StuffIt"),
    (0, rb"7kSt\xa0\x31\x83\xd3\x8c\xb2\x28\xb0\xd3|zPQ[\x01\x02]\x01", "zpaq"),
    (0, rb"ALZ\x01|EGGA\0\x01|BH\x05\x07|LZX\0|N\xf5F\xe9l\xe5|\xca\xfe\xd0\x0d", _OTHER),
    (7, rb"-sqx-", _OTHER),
    # Streams.
    (0, rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18", "zstd"),
    (0, rb"\x04\x22\x4d\x18|\x02\x21\x4c\x18|LZIP\x01|\x89LZO\0\r\n|\x1f\x9d[\x89-\x90]", _STREAM),
    (0, rb"\xff\x06\0\0(?:sNaPpY|S2sTwO)|bvx[-12n$]|BZ3v1|LRZI\0|RZIP\x02", _STREAM),
    (0, rb"SZDD\x88\xf0\x27\x33|KWAJ\x88\xf0\x27\xd1|SZ \x88\xf0\x27\x33\xd1", _STREAM),
    # What carries files beside something else.
    (0, rb"ITSF[\x02\x03]\0{3}", "CHM"),
    (0, rb"\x78\x9f\x3e\x22", "TNEF"),
    (0, rb"!BDN", "mailbox of Outlook"),
    (0, rb"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3", "OneNote"),
    (0, rb"ANDROID(?:!| BACKUP\n)|CrAU\0{4}|\x3a\xff\x26\xed", _TELEPHONE),
    # Images of disks, and of what divides them.
    (0, rb"KDMV|COWD\x01\0|QFI\xfb|QED\0|vhdxfile|conectix|sprs\0{3}|encrcdsa", _DISK),
    (0, rb"WithoutFreeSpace|WithouFreSpacExt|LUKS\xba\xbe", _DISK),
    (0, rb"[EL]VF\x09\r\n\xff\0|EVF2\r\n\x81\0", _DISK),
    (0x40, rb"\x7f\x10\xda\xbe", _DISK),
    (0x200, rb"EFI PART|LABELONE", _DISK),
    (0x1000, rb"EFI PART", _DISK),
    (0, rb"\0\xff{10}\0|CISO[\0\x18]\0", _DISC),
    (0x8001, rb"CD001|BEA01|NSR0[23]", _DISC),
    (0x8009, rb"CDROM\x01", _DISC),
    (0x8801, rb"CD001|NSR0[23]", _DISC),
    (0x9001, rb"CD001|NSR0[23]", _DISC),
    # File systems.
    (0, rb"(?:MSWIM|WLPWM)\0{3}|hsqs|sqsh|shsq|qshs|\x45\x3d\xcd\x28|\x28\xcd\x3d\x45", _FILES),
    (
        0,
        rb"XFSB\0[\0\x01]|-rom1fs-|UBI#\x01|\x31\x18\x10\x06|\x85\x19(?:[\x01\x02]\xe0|[\x03\x04]\x20)",
        _FILES,
    ),
    (3, rb"NTFS {4}\0[\x01-\x10]|EXFAT {3}\0{53}|ReFS\0{4}|-FVE-FS-", _FILES),
    (0, rb".{54}FAT1[26].{451}\x55\xaa|.{82}FAT32.{423}\x55\xaa", _FILES),
    (0, _PLAIN_FAT, _FILES),
    (0x20, rb"NXSB\0", _FILES),
    (
        0x400,
        rb"H\+\0\x04|HX\0\x05|BD.{12}\0\x03.{4}\0.{2}\0|\x10\x20\xf5\xf2|\xe2\xe1\xf5\xe0",
        _FILES,
    ),
    # The magic of ext2, ext3 and ext4 has two bytes; the size of blocks stands before it.
    (0x418, rb"[\0-\x06]\0{3}.{28}\x53\xef", _FILES),
    (0x8000, rb"JFS1[\x01\x02]\0{3}", _FILES),
    (0x10034, rb"ReIsEr[23]?Fs", _FILES),
    (0x10040, rb"_BHRfS_M", _FILES),
)
_FEET = (
    # Apple's ends with a block that says what it is, a fixed disk of Hyper-V as well.
    (-512, rb"koly\0\0\0\x04", _DISK),
    (-512, rb"conectix\0\0", _DISK),
    (-511, rb"conectix\0\0", _DISK),
    (-8, rb"cdsaencr", _DISK),
    (-12, rb"NER5\0{4}", _DISC),
)
_CLOSED = [(at, re.compile(magic, re.DOTALL), name) for at, magic, name in _MAGICS]
_CLOSED_END = [(at, re.compile(magic, re.DOTALL), name) for at, magic, name in _FEET]
_ARJ = b"\x60\xea"
_PARTITION = re.compile(rb"[\0\x80].{3}([^\0]).{3}(.{4})(.{4})|[\0\x80].{15}", re.DOTALL)
_FOLLOWS = re.compile(rb"7z\xbc\xaf\x27\x1c|Rar!\x1a\x07", re.DOTALL)
_FOLLOWS_WITHIN = 8 * 1024 * 1024
"""How far 7-Zip looks for an archive behind a program; others look less far."""
_FOLLOWING_BYTES = 64


def closed(head: bytes, foot: bytes = b"") -> str | None:
    """The name of a container that is not opened here; None where it is none.

    `head` is its first HEAD_BYTES and `foot` its last FOOT_BYTES, or all there is.
    """
    if _is_arj(head):
        return "ARJ"
    found = next((name for at, magic, name in _CLOSED if magic.match(head, at)), None)
    if found is None and len(foot) == FOOT_BYTES:
        found = next(
            (name for at, magic, name in _CLOSED_END if magic.match(foot, at + FOOT_BYTES)), None
        )
    return _DISK if found is None and _is_partitioned(head) else found


class Following:
    """Looks for a 7z or RAR behind something else, where programs that open them look."""

    def __init__(self) -> None:
        self.found: str | None = None
        self._before = b""
        self._left = _FOLLOWS_WITHIN

    def see(self, piece: bytes) -> None:
        """Take the bytes that come next."""
        if self._left <= 0 or self.found is not None:
            return
        window = self._before + piece
        for mark in _FOLLOWS.finditer(window):
            if name := _begins_archive(window[mark.start() : mark.start() + _FOLLOWING_BYTES]):
                self.found = name
        self._before = window[-_FOLLOWING_BYTES:]
        self._left -= len(piece)


def _begins_archive(head: bytes) -> str | None:
    """Whether its first header has the right checksum: the magic alone is in many programs.

    (7-Zip's `7zFormat.txt`, "SignatureHeader"; RAR's technote, "Main archive header".)
    """
    if head.startswith(b"7z") and len(head) >= 32:
        return "7z" if zlib.crc32(head[12:32]) == int.from_bytes(head[8:12], "little") else None
    if head.startswith(b"Rar!\x1a\7\0") and len(head) >= 20:
        size = int.from_bytes(head[12:14], "little")
        right = zlib.crc32(head[9 : 7 + size]) & 0xFFFF == int.from_bytes(head[7:9], "little")
        return "RAR" if right and head[9] == 0x73 else None
    if head.startswith(b"Rar!\x1a\7\1\0") and len(head) >= 14:
        # Of an encrypted one as well; a size below 128 has one byte.
        size = head[12]
        right = zlib.crc32(head[12 : 13 + size]) == int.from_bytes(head[8:12], "little")
        return "RAR" if right and size else None
    return None


def _is_arj(head: bytes) -> bool:
    """Its first header has a checksum (unarj, technote.txt)."""
    size = int.from_bytes(head[2:4], "little")
    if not head.startswith(_ARJ) or not 30 <= size <= 2600:
        return False
    return zlib.crc32(head[4 : 4 + size]) == int.from_bytes(head[4 + size : 8 + size], "little")


def _is_partitioned(head: bytes) -> bool:
    """Whether it begins with a table of partitions, one of them in use: a whole disk."""
    if head[510:512] != b"\x55\xaa":
        return False
    found = [_PARTITION.fullmatch(head, at, at + 16) for at in range(446, 510, 16)]
    return all(found) and any(one and one[1] and any(one[2]) and any(one[3]) for one in found)
