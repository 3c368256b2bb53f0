"""Where the client writes a download to, and what it never replaces."""

from __future__ import annotations

import hashlib
import os
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from uploads_client import Client, DigestMismatch, Retries, downloads
from uploads_client.sources import PIECE

TEXT = b"a plain text\n" * 9
NAME = "note.txt"


def client(
    name: str = NAME,
    body: bytes | Iterator[bytes] = TEXT,
    meanwhile: Callable[[], None] = lambda: None,
) -> Client:
    """A client of a service that has one document, of which the store gives out `body`.

    `meanwhile` happens when the store is asked.
    """
    digest = hashlib.sha256(TEXT).hexdigest()
    found = {"id": "doc_a", "name": name, "size": len(TEXT), "sha256": digest, "state": "clean"}

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "store.test":
            meanwhile()
            return httpx.Response(200, content=body)
        if request.url.path.endswith("/content"):
            return httpx.Response(302, headers={"Location": "http://store.test/object"})
        return httpx.Response(200, json=found)

    transport = httpx.MockTransport(answer)
    return Client("http://service.test", "a-key", transport=transport, retries=Retries(first=0))


class Reader(threading.Thread):
    """Reads a pipe until its end."""

    def __init__(self, pipe: Path) -> None:
        super().__init__(daemon=True)
        self._pipe = pipe
        self.heard = b""
        self.start()

    def run(self) -> None:
        self.heard = self._pipe.read_bytes()


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


@pytest.mark.parametrize("through_link", [False, True])
def test_a_pipe_is_written_into_and_stays_one(
    through_link: bool, pipe: Path, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(pipe)
    reader = Reader(pipe)
    client().download("doc_a", tmp_path / "link" if through_link else pipe, overwrite=True)
    reader.join(10)
    assert reader.heard == TEXT
    assert stat.S_ISFIFO(pipe.lstat().st_mode)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["link", "pipe"]


def test_what_goes_into_a_pipe_is_proved_too(pipe: Path) -> None:
    reader = Reader(pipe)
    with pytest.raises(DigestMismatch):
        client(body=TEXT[:-1] + b"?").download("doc_a", pipe, overwrite=True)
    reader.join(10)
    assert stat.S_ISFIFO(pipe.lstat().st_mode)


def test_what_has_no_end_does_not_fill_the_disk(tmp_path: Path) -> None:
    pieces = iter([b"x" * PIECE] * 9)
    with pytest.raises(DigestMismatch, match="More bytes"):
        client(body=pieces).download("doc_a", tmp_path)
    assert len(list(pieces)) >= 7
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_that_nobody_reads_any_more_is_said_to_be_one(pipe: Path) -> None:
    """A BrokenPipeError would be taken for one of standard output."""
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(OSError, match="Nobody reads") as failed:
        client(meanwhile=lambda: os.close(reader)).download("doc_a", pipe, overwrite=True)
    assert not isinstance(failed.value, BrokenPipeError)


def test_a_pipe_is_left_alone_unless_told(pipe: Path) -> None:
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(FileExistsError):
        client().download("doc_a", pipe)
    assert os.read(reader, 1) == b""
    os.close(reader)


@pytest.mark.parametrize("kind", ["socket", "link", "link to nothing"])
def test_what_is_no_regular_file_is_never_replaced(kind: str, tmp_path: Path) -> None:
    place = tmp_path / NAME
    with socket.socket(socket.AF_UNIX) as listener:
        if kind == "socket":
            listener.bind(str(place))
        else:
            place.symlink_to(tmp_path / "elsewhere")
        if kind == "link":
            (tmp_path / "elsewhere").write_bytes(b"mine")
        before = place.lstat()
        with pytest.raises(FileExistsError, match="only a regular file"):
            client().download("doc_a", tmp_path, overwrite=True)
        assert place.lstat() == before
    assert not place.is_file() or place.read_bytes() == b"mine"


def test_what_comes_to_its_place_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(FileExistsError, match="only a regular file"):
        client(meanwhile=lambda: os.mkfifo(tmp_path / NAME)).download(
            "doc_a", tmp_path, overwrite=True
        )
    assert [one.is_fifo() for one in tmp_path.iterdir()] == [True]


def test_a_file_in_the_place_of_a_pipe_is_not_written_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It came there between the look and the opening."""
    monkeypatch.setattr(downloads, "_is_written_into", lambda path: True)
    (tmp_path / NAME).write_bytes(b"mine")
    with pytest.raises(FileExistsError, match="meanwhile"):
        client().download("doc_a", tmp_path, overwrite=True)
    assert (tmp_path / NAME).read_bytes() == b"mine"


@pytest.mark.parametrize(
    "name",
    ["\U0001f600" * 63 + "abc", "ä" * 127 + "b", "x" * 255],
    ids=["four bytes each", "two", "one"],
)
def test_a_name_as_long_as_file_systems_keep_is_kept(name: str, tmp_path: Path) -> None:
    client(name).download("doc_a", tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == [name]
    client(name).download("doc_a", tmp_path, overwrite=True)
    assert (tmp_path / name).read_bytes() == TEXT


def test_a_longer_name_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"256 bytes.*`-o`"):
        client("ä" * 128).download("doc_a", tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("to", ["new/", "new/.", "new/note.txt"])
def test_a_folder_that_is_not_there_becomes_no_file(to: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no folder \S+/new\. Make it first"):
        client().download("doc_a", f"{tmp_path}/{to}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("to", ["mine/", "mine/note.txt"])
def test_a_file_is_no_folder(to: str, tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(b"mine")
    for overwrite in (False, True):
        with pytest.raises(NotADirectoryError, match="mine is no folder"):
            client().download("doc_a", f"{tmp_path}/{to}", overwrite=overwrite)
    assert (tmp_path / "mine").read_bytes() == b"mine"


def test_a_folder_can_end_in_a_slash(tmp_path: Path) -> None:
    client().download("doc_a", f"{tmp_path}/")
    assert (tmp_path / NAME).read_bytes() == TEXT
