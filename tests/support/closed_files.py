"""Beginnings or ends of containers that nobody opens here, and what only looks like one."""

from __future__ import annotations

import struct
import zlib

from tests.support.hostile_files import program
from tests.support.packed_files import tar


def _at(offset: int, magic: bytes, size: int = 0) -> bytes:
    return (bytes(offset) + magic).ljust(max(size, offset + len(magic) + 90), b"\0")


def _boot(oem: bytes, *fields: tuple[int, bytes]) -> bytes:
    """The first sector of a file system, as it is written by its own tools."""
    sector = bytearray(b"\xeb\x3c\x90" + oem.ljust(509, b"\0"))
    for at, value in ((510, b"\x55\xaa"), *fields):
        sector[at : at + len(value)] = value
    return bytes(sector) + bytes(512)


def _archives() -> dict[str, bytes]:
    return {
        "7z": b"7z\xbc\xaf\x27\x1c\0\4",
        "rar": b"Rar!\x1a\x07\1\0",
        "old rar": b"Rar!\x1a\x07\0",
        "cabinet": b"MSCF\0\0\0\0",
        "installshield's cabinet": b"ISc(\x0c\x60",
        "installshield's older one": b"\x13\x5d\x65\x8c\x3a\1\2\0",
        "ace": bytes(7) + b"**ACE**",
        "lha": b"\x20\0-lh5-",
        "lzs": b"\x20\0-lzs-",
        "pma": b"\x20\0-pm2-",
        "zoo": b"ZOO 2.10 Archive.\x1a\0\0\xdc\xa7\xc4\xfd",
        "xar": b"xar!\0\x1c\0\1",
        "pbzx": b"pbzx\0\0\0\0\1\0\0\0",
        "rpm": b"\xed\xab\xee\xdb\3\0",
        "cpio": b"070701" + b"0" * 104,
        "cpio of bytes": struct.pack("<13H", 0o70707, *[0] * 9, 2, 0, 0),
        "cpio of turned bytes": struct.pack(">13H", 0o70707, *[0] * 9, 2, 0, 0),
        "stuffit": b"SIT!\0\1\0\0\1\0rLau",
        "stuffit 5": b"StuffIt (c)1997",
        "stuffit x": b"StuffIt!",
        "stuffit of another kind": b"ST65\0\1\0\0\1\0rLau",
        "zpaq": b"7kSt\xa0\x31\x83\xd3\x8c\xb2\x28\xb0\xd3zPQ",
        "alz": b"ALZ\1",
        "egg": b"EGGA\0\1",
        "blackhole": b"BH\5\7",
        "lzx": b"LZX\0",
        "pack200": b"\xca\xfe\xd0\x0d",
        "sqx": bytes(7) + b"-sqx-",
        "arj": _arj(),
    }


def _streams() -> dict[str, bytes]:
    return {
        "zstandard": b"\x28\xb5\x2f\xfd",
        "skipped frame of zstandard": b"\x5a\x2a\x4d\x18",
        "lz4": b"\x04\x22\x4d\x18",
        "old lz4": b"\x02\x21\x4c\x18",
        "lzip": b"LZIP\1",
        "lzop": b"\x89LZO\0\r\n\x1a\n",
        "compress": b"\x1f\x9d\x90",
        "snappy": b"\xff\6\0\0sNaPpY",
        "s2": b"\xff\6\0\0S2sTwO",
        "lzfse": b"bvx2",
        "bzip3": b"BZ3v1",
        "lrzip": b"LRZI\0\6",
        "rzip": b"RZIP\2\1",
        "compress of dos": b"SZDD\x88\xf0\x27\x33A",
        "another of dos": b"KWAJ\x88\xf0\x27\xd1",
    }


def _carriers() -> dict[str, bytes]:
    return {
        "chm": b"ITSF\3\0\0\0",
        "tnef": b"\x78\x9f\x3e\x22",
        "pst": b"!BDN\1\2\3\4SM\x17\0\x13\0",
        "ost": b"!BDN\1\2\3\4SO\x24\0\x13\0",
        "onenote": bytes.fromhex("e4525c7b8cd8a74daeb15378d02996d3"),
        "image of a telephone": b"ANDROID!",
        "sparse image of a telephone": b"\x3a\xff\x26\xed\1\0",
        "backup of a telephone": b"ANDROID BACKUP\n5\n",
        "update of a telephone": b"CrAU" + bytes(7) + b"\2",
    }


def _disks() -> dict[str, bytes]:
    ends = {"apple's image": b"koly\0\0\0\4", "fixed disk": b"conectix\0\0\0\2"}
    partition = b"\x80\1\1\0\x83\xfe\xff\xff" + struct.pack("<2L", 2048, 99_999)
    return {
        "vmdk": b"KDMV\1\0\0\0",
        "older vmdk": b"COWD\1\0\0\0",
        "qcow2": b"QFI\xfb\0\0\0\3",
        "qed": b"QED\0",
        "vhdx": b"vhdxfile",
        "vhd": b"conectix\0\0\0\2",
        "vdi": _at(0x40, b"\x7f\x10\xda\xbe"),
        "parallels": b"WithoutFreeSpace",
        "luks": b"LUKS\xba\xbe\0\2",
        "encrypted image of apple": b"encrcdsa\0\0\0\2",
        "older encrypted image of apple": bytes(9999) + b"cdsaencr",
        "sparse image of apple": b"sprs\0\0\0\3",
        "e01": b"EVF\x09\r\n\xff\0\1\1\0",
        "gpt": _at(0x200, b"EFI PART"),
        "gpt of large sectors": _at(0x1000, b"EFI PART"),
        "lvm": _at(0x200, b"LABELONE"),
        "mbr": bytes(446) + partition + bytes(48) + b"\x55\xaa" + bytes(512),
        "nero's disc": bytes(9999) + b"NER5" + bytes(8),
        "disc": _at(0x8001, b"CD001\1", 0x9000),
        "udf disc": _at(0x8001, b"BEA01\1", 0x9001),
        "high sierra disc": _at(0x8009, b"CDROM\1"),
        "raw disc": b"\0" + b"\xff" * 10 + b"\0\0\2\0\1",
        **{label: bytes(9999) + mark.ljust(512, b"\0") for label, mark in ends.items()},
        "older fixed disk": bytes(9999) + b"conectix\0\0\0\2".ljust(511, b"\0"),
    }


def _file_systems() -> dict[str, bytes]:
    fat = ((11, b"\0\2\1\1\0\2\xe0\0\x40\x0b\xf0"),)
    ext = struct.pack("<14L2H", 16, 64, 3, 39, 5, 1, 0, 0, 8192, 8192, 16, 0, 0, 0, 0, 0xFFFF)
    return {
        "wim": b"MSWIM\0\0\0",
        "piped wim": b"WLPWM\0\0\0",
        "squashfs": b"hsqs",
        "squashfs of turned bytes": b"sqsh",
        "cramfs": b"\x45\x3d\xcd\x28",
        "romfs": b"-rom1fs-",
        "xfs": b"XFSB\0\0\x10\0",
        "ubi": b"UBI#\1",
        "ubifs": b"\x31\x18\x10\6",
        "jffs2": b"\x85\x19\3\x20\x0c\0\0\0",
        "ntfs": _boot(b"NTFS    \0\2\x08"),
        "exfat": _boot(b"EXFAT   "),
        "refs": _boot(b"ReFS\0\0\0\0"),
        "bitlocker": _boot(b"-FVE-FS-\0\2"),
        "fat12": _boot(b"mkfs.fat", (54, b"FAT12   ")),
        "fat16": _boot(b"mkfs.fat", (54, b"FAT16   ")),
        "fat32": _boot(b"mkfs.fat", (82, b"FAT32   ")),
        "fat of no name": _boot(b"IBM  3.2", *fat),
        "apfs": _at(0x20, b"NXSB\0\x10\0\0"),
        "hfs": _at(0x400, b"BD" + bytes(12) + b"\0\3\0\0\0\x64\0\0\2\0"),
        "hfs plus": _at(0x400, b"H+\0\4"),
        "hfsx": _at(0x400, b"HX\0\5"),
        "f2fs": _at(0x400, b"\x10\x20\xf5\xf2"),
        "erofs": _at(0x400, b"\xe2\xe1\xf5\xe0"),
        "ext": _at(0x400, ext[:56] + b"\x53\xef\1\0"),
        "ext of large blocks": _at(0x418, b"\2\0\0\0\2\0\0\0" + bytes(24) + b"\x53\xef\1\0"),
        "jfs": _at(0x8000, b"JFS1\1\0\0\0"),
        "reiserfs": _at(0x10034, b"ReIsEr2Fs"),
        "btrfs": _at(0x10040, b"_BHRfS_M"),
    }


def _arj() -> bytes:
    head = bytes((30,)) + bytes(33)
    return b"\x60\xea" + struct.pack("<H", len(head)) + head + struct.pack("<L", zlib.crc32(head))


def seven_zip() -> bytes:
    """The header of a 7z, which has a checksum (7zFormat.txt, "SignatureHeader")."""
    start = struct.pack("<2QL", 0, 32, 0)
    return b"7z\xbc\xaf\x27\x1c\0\4" + struct.pack("<L", zlib.crc32(start)) + start


def rar(version: int) -> bytes:
    """The headers of a RAR (its technote, "Main archive header")."""
    if version == 5:
        head = b"\x0a\1\5\6\0\5\1\1\x80\x80\0"
        return b"Rar!\x1a\7\1\0" + struct.pack("<L", zlib.crc32(head)) + head + bytes(40)
    head = b"\x73\0\0\x0d\0" + bytes(6)
    return b"Rar!\x1a\7\0" + struct.pack("<H", zlib.crc32(head) & 0xFFFF) + head + bytes(40)


def _behind() -> dict[str, bytes]:
    """Archives behind programs, which others open; one lies on the border of two pieces."""
    return {
        "7z behind a program": program() + b";!@Install@!UTF-8!\n" + seven_zip() + bytes(99),
        "rar behind a program": program() + rar(4),
        "rar 5 behind a program": program() + rar(5),
        "7z far behind a program": program().ljust(256 * 1024 - 3, b"x") + seven_zip() + bytes(9),
    }


def closed() -> dict[str, bytes]:
    """Return label → bytes of what is not opened."""
    begins = {**_archives(), **_streams(), **_carriers(), **_disks(), **_file_systems()}
    ends = ("apple", "fixed", "older", "nero")
    return {
        **{
            label: data if any(word in label for word in ends) else data + bytes(90)
            for label, data in begins.items()
        },
        **_behind(),
    }


def open_() -> dict[str, bytes]:
    """Return name → bytes of honest files that look like one of these, and are none."""
    named = b"A RAR begins with Rar!\x1a\7\0, a 7z with 7z\xbc\xaf\x27\x1c\0\4 and more. " * 9
    return {
        "unpacker.exe": program() + named,
        "boot.bin": bytes(510) + b"\x55\xaa",
        "table.bin": bytes(446) + b"\x80" + bytes(63) + b"\x55\xaa",
        "numbers.bin": bytes(0x418) + struct.pack("<8L", *range(100, 108)) + b"\x53\xef\1\0",
        "magic.bin": bytes(0x438) + b"\x53\xee" + bytes(99),
        "ntfs.txt": b"In NTFS    names have 255 letters. " * 30,
        "fat.txt": b"FAT12   , FAT16   and FAT32   are old. " * 30,
        "icon.icns": b"icns" + bytes(0x400) + b"BDBD",
        "xfs.txt": b"XFSB is what XFS begins with, and hsq what no file does.",
        "links.tar": tar({"a": b"EFI PART"[:4] * 9}),
    }
