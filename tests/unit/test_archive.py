"""The archive of several documents: what it holds, its length, and that it never looks whole."""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from tests.support.facts import document
from uploads.documents.archive import _free, archive, archive_size, member_names
from uploads.documents.errors import NotClean, StorageUnavailable
from uploads.documents.model import Document, State

GIB = 1024**3


def named(*names: str, size: int = 5) -> list[Document]:
    return [document(f"doc_{n}", name=name, size=size) for n, name in enumerate(names)]


def told(one: Document) -> Iterator[bytes]:
    """Bytes of a document that can be told from any other's."""
    yield one.id.encode().ljust(one.size, b".")


def take(pieces: Iterator[bytes], into: bytearray) -> None:
    """What arrives, up to where it breaks off."""
    for piece in pieces:
        into += piece


def test_its_members_are_the_documents(tmp_path: Path) -> None:
    """By Python's reader and by `unzip -t`, which both check the sums."""
    made = named("a.txt", "größe 图.pdf", "b.png", size=70_000)
    whole = b"".join(archive(made, told))
    assert len(whole) == archive_size(made)
    with zipfile.ZipFile(BytesIO(whole)) as read:
        assert read.testzip() is None
        assert read.namelist() == ["a.txt", "größe 图.pdf", "b.png"]
        assert [read.read(one) for one in read.namelist()] == [b"".join(told(one)) for one in made]
        assert {one.compress_type for one in read.infolist()} == {zipfile.ZIP_STORED}
    file = tmp_path / "made.zip"
    file.write_bytes(whole)
    unzip = shutil.which("unzip")
    assert unzip, "install unzip: apt install unzip"
    run = subprocess.run([unzip, "-tq", str(file)], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


class Compared(dict[str, int]):
    """Taken names that count how often one is looked for."""

    looks = 0

    def __contains__(self, name: object) -> bool:
        self.looks += 1
        return super().__contains__(name)


def test_a_thousand_equal_names_are_not_compared_with_each_other() -> None:
    """Whoever has such a link has this done by each request: it took seconds."""
    taken = Compared()
    found = [_free("ß.txt" if at % 2 else "SS.TXT", taken) for at in range(1_000)]
    assert len({name.casefold() for name in found}) == 1_000
    assert found[-1] == "ß (1000).txt"
    assert taken.looks <= 2 * 1_000


@pytest.mark.parametrize(
    ("names", "members"),
    [
        (["a.txt", "a.txt", "A.TXT"], ["a.txt", "a (2).txt", "A (3).TXT"]),
        (["a (2).txt", "a.txt", "a.txt"], ["a (2).txt", "a.txt", "a (3).txt"]),
        (["../../etc/x", "/abs", "..", "."], ["_.._.._etc_x", "_abs", "file", "file (2)"]),
        (["a/b", "a\\b", "C:\\x"], ["a_b", "a_b (2)", "C__x"]),
        (["", "CON.png", "-o.pdf", ".htaccess"], ["file", "_CON.png", "_-o.pdf", "_.htaccess"]),
        (["a\x00b", "a\nb", "\ud800"], ["file", "file (2)", "file (3)"]),
    ],
)
def test_names_are_plain_and_none_comes_twice(names: list[str], members: list[str]) -> None:
    found = member_names(named(*names))
    assert found == members
    assert len({name.casefold() for name in found}) == len(names)
    for name in found:
        assert not set(name) & set("/\\\0\n")
        assert name not in {"", ".", ".."}
        assert not name.startswith(("/", "-", "."))


def test_what_was_released_lies_in_a_folder_that_says_so(tmp_path: Path) -> None:
    """Whoever unpacks it sees which of it was refused; a file of that name is no way into it."""
    kept = named("a.txt", "Released")
    freed = [document("doc_r", name="../virus.txt", size=5, state=State.RELEASED)]
    whole = b"".join(archive([*freed, *kept], told))
    with zipfile.ZipFile(BytesIO(whole)) as read:
        assert read.namelist() == ["released/_.._virus.txt", "a.txt", "Released (2)"]
        read.extractall(tmp_path)
    assert (tmp_path / "released" / "_.._virus.txt").is_file()


def test_what_ends_early_or_late_is_never_whole() -> None:
    """A document of another size than it is known by, or one that may not be served any more."""
    made = named("a", "b", "c")

    def short(one: Document) -> Iterator[bytes]:
        yield b"12345"[: 4 if one.name == "b" else 5]

    def long(one: Document) -> Iterator[bytes]:
        yield b"123456"[: 6 if one.name == "b" else 5]

    def refused(one: Document) -> Iterator[bytes]:
        if one.name == "b":
            raise NotClean
        yield b"12345"

    for read, error in (
        (short, StorageUnavailable),
        (long, StorageUnavailable),
        (refused, NotClean),
    ):
        got = bytearray()
        with pytest.raises(error):
            take(archive(made, read), got)
        assert len(got) < archive_size(made)
        with pytest.raises(zipfile.BadZipFile):
            zipfile.ZipFile(BytesIO(bytes(got)))


def test_nothing_is_read_before_its_turn() -> None:
    read: list[str] = []

    def note(one: Document) -> Iterator[bytes]:
        read.append(one.name)
        yield b"12345"

    pieces = archive(named("a", "b"), note)
    next(pieces)
    assert "b" not in read
    b"".join(pieces)
    assert read == ["a", "b"]


class Sparse:
    """Counts what is written; keeps the last mebibyte."""

    def __init__(self) -> None:
        self.length = 0
        self.tail = bytearray()

    def take(self, piece: bytes) -> None:
        self.length += len(piece)
        self.tail += piece
        del self.tail[: -1024 * 1024]


def test_past_four_gibibytes_it_is_zip64() -> None:
    """The sizes in its directory are right, and it is as long as was announced.

    One piece over and over stands for the content; only the end is kept and looked at.
    """
    piece = bytes(1024 * 1024)
    made = [*named("large.bin", size=4 * GIB + 7), *named("small.txt")]

    def zeros(one: Document) -> Iterator[bytes]:
        whole, rest = divmod(one.size, len(piece))
        yield from (piece for _ in range(whole))
        yield piece[:rest]

    sink = Sparse()
    for part in archive(made, zeros):
        sink.take(part)
    assert sink.length == archive_size(made)
    with zipfile.ZipFile(_End(sink.length, bytes(sink.tail))) as read:
        sizes = [(one.filename, one.file_size, one.header_offset) for one in read.infolist()]
    assert sizes[0] == ("large.bin", 4 * GIB + 7, 0)
    assert sizes[1][:2] == ("small.txt", 5)
    assert sizes[1][2] > 4 * GIB


class _End(BytesIO):
    """A file of which only the end is there, at its place."""

    def __init__(self, length: int, tail: bytes) -> None:
        super().__init__(tail)
        self._hidden = length - len(tail)

    def seek(self, offset: int, whence: int = 0) -> int:
        offset = offset - self._hidden if whence == 0 else offset
        return super().seek(offset, whence) + self._hidden

    def tell(self) -> int:
        return super().tell() + self._hidden
