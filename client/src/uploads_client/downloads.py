"""Writes a download to where it belongs: checked against its digest first, then in its place."""

from __future__ import annotations

import hashlib
import os
import secrets
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
    with wire.fetching(address) as pieces:
        for piece in pieces:
            found.update(piece)
            stream.write(piece)
            meter.add(len(piece))
    if found.hexdigest() != document.sha256:
        raise DigestMismatch(
            f"What came is not {document.id} ({found.hexdigest()} instead of {document.sha256})."
            " Fetch it again."
        )


def to_path(
    wire: Wire, document: Document, path: Path, overwrite: bool, progress: Progress | None = None
) -> None:
    """Write the bytes of a document to a file that appears whole and proved, or not at all.

    Raises UploadsError, OSError, and FileExistsError unless told to `overwrite`.
    """
    if not overwrite and os.path.lexists(path):
        raise FileExistsError(f"{path} exists.")
    with _beside(path) as temporary:

        def once() -> None:
            with temporary.open("wb") as stream:
                to_stream(wire, document, stream, progress)
                stream.flush()
                os.fsync(stream.fileno())

        wire.repeat(once)
        if overwrite:
            temporary.replace(path)
        else:
            _place(temporary, path)


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
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(8)}.part")
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
