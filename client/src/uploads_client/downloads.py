"""Writes a download to where it belongs: checked against its digest first, then in its place."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from uploads_client.answers import Document
from uploads_client.errors import DigestMismatch
from uploads_client.sources import Meter, Progress
from uploads_client.wire import Wire


def to_stream(
    wire: Wire, document: Document, stream: BinaryIO, progress: Progress | None = None
) -> None:
    """Write the bytes of a document to a stream. Raises UploadsError.

    The stream has them before they are proved: what is in it after DigestMismatch, or after a
    connection broke, is to be thrown away.
    """
    found = hashlib.sha256()
    meter = Meter(document.size, progress)
    answer = wire.call("GET", f"/documents/{document.id}/content", redirect=True)
    address = str(answer.url.join(answer.headers["Location"]))
    left = document.size
    with wire.fetching(address) as pieces:
        for piece in pieces:
            left -= len(piece)
            if left < 0:
                # It may have no end, and the disk has one.
                raise DigestMismatch(
                    f"More bytes came than {document.id} has ({document.size}). Fetch it again."
                )
            found.update(piece)
            stream.write(piece)
            meter.add(len(piece))
    if found.hexdigest() != document.sha256:
        raise DigestMismatch(
            f"What came is not {document.id} ({found.hexdigest()} instead of {document.sha256})."
            " Fetch it again."
        )


def destination(to: str | os.PathLike[str], document: Document) -> Path:
    """The path to write to: `to`, or in it under the document's name where it is a folder.

    Raises OSError where its folder is not there: what ends in a slash can only be a folder.
    """
    path = Path(to)
    if path.is_dir():
        return path / safe_name(document)
    # A Path has forgotten the slash.
    means_folder = os.path.split(to)[1] in {"", os.curdir, os.pardir}
    folder = path if means_folder else path.parent
    if os.path.lexists(folder) and not folder.is_dir():
        raise NotADirectoryError(f"{folder} is no folder.")
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {folder}. Make it first.")
    return path


def to_path(
    wire: Wire, document: Document, path: Path, overwrite: bool, progress: Progress | None = None
) -> None:
    """Write the bytes of a document to a file that appears whole and proved, or not at all.

    A device or a pipe has a stream's lot instead: it is written into and never replaced. Raises
    UploadsError, OSError, and FileExistsError unless told to `overwrite`.
    """
    if _found(path) is not None and not overwrite:
        raise FileExistsError(f"{path} exists.")
    if _is_written_into(path):
        _into(wire, document, path, progress)
        return
    _refuse_to_replace(path)
    with _beside(path) as temporary:

        def once() -> None:
            with temporary.open("wb") as stream:
                to_stream(wire, document, stream, progress)
                stream.flush()
                os.fsync(stream.fileno())

        wire.repeat(once)
        if overwrite:
            # Somebody may have put something else there meanwhile.
            _refuse_to_replace(path)
            temporary.replace(path)
        else:
            _place(temporary, path)


def _found(path: Path) -> os.stat_result | None:
    """What bears this name, a link itself and not what it leads to. Raises OSError."""
    try:
        return path.lstat()
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        raise OSError(
            f"The name {path.name} is longer than this file system keeps"
            f" ({len(os.fsencode(path.name))} bytes). Choose a shorter one (`-o` of the command)."
        ) from error


def _is_written_into(path: Path) -> bool:
    """Whether there is a device or a pipe, also behind a link."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or stat.S_ISBLK(mode)


def _refuse_to_replace(path: Path) -> None:
    """Raises FileExistsError for all but a regular file: replaced, a link or socket is lost."""
    found = _found(path)
    if found is not None and not stat.S_ISREG(found.st_mode):
        kind = "a symbolic link" if stat.S_ISLNK(found.st_mode) else "no regular file"
        raise FileExistsError(f"{path} is {kind}, and only a regular file is ever replaced.")


def _into(wire: Wire, document: Document, path: Path, progress: Progress | None) -> None:
    """Write into what is there, making and cutting off nothing. Raises UploadsError, OSError."""
    try:
        with open(path, "wb", opener=lambda name, _: os.open(name, os.O_WRONLY)) as stream:
            if stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise FileExistsError(f"{path} became a file meanwhile.")
            to_stream(wire, document, stream, progress)
    except BrokenPipeError as error:
        raise OSError(f"Nobody reads {path} any more.") from error


def _place(temporary: Path, path: Path) -> None:
    """Give it its name unless somebody has taken that meanwhile. Raises FileExistsError."""
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:
        # A file system without hard links: there the name is taken first, then filled.
        path.open("xb").close()
        temporary.replace(path)


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A new empty file in the same folder, gone at the end wherever it has not become another."""
    # File systems count bytes, and some take no half characters.
    name = path.name.encode(errors="ignore")[:100].decode(errors="ignore")
    temporary = path.with_name(f".{name}.{secrets.token_hex(8)}.part")
    temporary.open("xb").close()
    try:
        yield temporary
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def safe_name(document: Document) -> str:
    """A name for a file in a folder of ours: nobody else's word leads out of it or hides it."""
    last = (document.name or "").replace("\\", "/").rpartition("/")[2]
    shown = "".join(one if one.isprintable() else "_" for one in last).strip()
    shown = "_" + shown.lstrip(".") if shown.startswith(".") else shown
    return shown if shown.strip("._") else document.id
