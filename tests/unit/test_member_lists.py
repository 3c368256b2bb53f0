"""What an archive says is in it: read out of any bytes, never believed, never more than a page."""

from __future__ import annotations

import struct
from io import BytesIO
from zipfile import ZipFile

from hypothesis import given
from hypothesis import strategies as st

from tests.support.zip_bytes import Piece, end_record, make_zip
from uploads.documents.readers.members import MOST, Member, Members, escaped, read_members


def members(data: bytes, keep: int | None = None) -> Members | None:
    """As of a file of these bytes, of which only the last `keep` are seen."""
    return read_members(data if keep is None else data[-keep:], len(data))


def names(found: Members | None) -> list[str]:
    assert found is not None
    return [one.name for one in found.items]


def test_names_and_sizes_are_those_of_the_directory() -> None:
    data = make_zip(Piece(b"a.txt", b"x" * 100), Piece(b"b/", method=0), Piece(b"c", flags=1))
    found = members(data)
    assert found is not None
    assert (found.count, found.complete) == (3, True)
    assert found.items[0].size == 100
    assert names(found) == ["a.txt", "b/", "c"]
    assert [one.encrypted for one in found.items] == [False, False, True]


def test_a_sloppy_archive_is_told_of_all_the_same() -> None:
    """Of what is refused for its form, the desk wants to see most: it doubts and judges nothing."""
    lies = Piece(b"../../etc/passwd", b"x", local_name=b"harmless.txt", attributes=0o120777 << 16)
    assert names(members(make_zip(lies))) == ["../../etc/passwd"]
    assert names(members(make_zip(Piece(b"a"), before=b"MZ" * 50))) == ["a"]
    assert names(members(make_zip(Piece(b"a"), after=b"trailing"))) == ["a"]
    more = members(make_zip(Piece(b"a"), count=7))
    assert names(more) == ["a"]
    assert more is not None
    assert (more.count, more.complete) == (7, False)


def test_only_the_end_of_a_file_is_seen() -> None:
    """What lies before it is said to be missing."""
    data = make_zip(*(Piece(b"n%03d" % number, method=0) for number in range(100)))
    assert members(data, 40) == Members(100, (), complete=False)
    whole = members(data, len(data) - 10)
    assert whole is not None
    assert len(whole.items) == 100


def test_there_are_never_more_names_than_a_page_holds() -> None:
    data = make_zip(*(Piece(b"n", method=0) for _ in range(MOST + 1)))
    found = members(data)
    assert found is not None
    assert (found.count, len(found.items), found.complete) == (MOST + 1, MOST, False)
    long = members(make_zip(Piece(b"\x1b" * 60_000, method=0)))
    assert [len(name) for name in names(long)] == [255]


def test_archives_with_wide_fields_are_read() -> None:
    """ZIP64, as Python writes it for many entries; sizes that stand elsewhere are left open."""
    made = BytesIO()
    with ZipFile(made, "w") as archive, archive.open("a", "w", force_zip64=True) as member:
        member.write(b"x")
    narrow = made.getvalue()
    at = narrow.rindex(b"PK\5\6")
    count, size, offset = struct.unpack_from("<H2L", narrow, at + 10)
    wide = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, offset)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, at, 1)
    data = narrow[:at] + wide + locator + end_record(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
    assert names(members(data)) == ["a"]
    open_ = members(make_zip(Piece(b"a", b"x", stated_unpacked=0xFFFFFFFF)))
    assert open_ is not None
    assert open_.items[0] == Member("a", None, open_.items[0].packed, encrypted=False)


def test_a_name_cannot_steer_a_screen() -> None:
    assert escaped("a\x1b[2J\n\u202eb\ufeff") == "a\\x1b[2J\\n\\u202eb\\ufeff"
    assert escaped("Ünïcode 漢字.txt") == "Ünïcode 漢字.txt"
    nasty = make_zip(Piece("\u202e".encode(), flags=0x0800), Piece(b"\xff\xfe", flags=0x0800))
    assert all(name.isprintable() for name in names(members(nasty)))


def test_what_is_no_archive_has_no_members() -> None:
    assert members(b"") is members(b"PK\3\4") is members(b"PK\5\6") is None


@given(st.binary(max_size=200), st.binary(max_size=80), st.integers(0, 2**33))
def test_any_bytes_are_read_without_a_stumble(before: bytes, after: bytes, size: int) -> None:
    """Whatever they say, and however large they say the file is."""
    for data in (before + after, before + b"PK\5\6" + after, before + b"PK\1\2" + after * 3):
        found = read_members(data, max(size, len(data)))
        assert found is None or all(one.name.isprintable() for one in found.items)
        broken = bytearray(make_zip(Piece(b"a", b"x"), Piece(b"b", b"y")))
        broken[len(broken) - len(after) :] = after
        read_members(bytes(broken), len(broken))
