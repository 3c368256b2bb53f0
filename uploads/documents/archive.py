"""Several documents as one ZIP, made while it is sent: stored, of known size, zip64 as needed.

Nothing is kept but a few lines for each entry. What a name could do to whoever unpacks it is taken
out here, whatever the intake let in. Knows no store: bytes are handed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePosixPath

from zipstream import ZipStream

from uploads.documents.errors import BadName, StorageUnavailable
from uploads.documents.model import Document, State
from uploads.documents.names import clean_name

NAME = "documents.zip"
TYPE = "application/zip"
RELEASED = State.RELEASED.value
_LONGEST_NAME = 255
_NAMELESS = "file"


def archive_size(documents: Sequence[Document]) -> int:
    """How many bytes the archive of these will have."""
    return len(_archive(documents, lambda _: iter(())))


def archive(
    documents: Sequence[Document], read: Callable[[Document], Iterator[bytes]]
) -> Iterator[bytes]:
    """The archive's bytes. `read` is called for each document when its turn has come.

    What `read` raises ends the archive where it is. Raises StorageUnavailable when a document turns
    out to have another size than it is known by: then what was announced cannot be kept.
    """
    try:
        yield from _archive(documents, read)
    except RuntimeError as error:
        raise StorageUnavailable(str(error)) from error


def member_names(documents: Sequence[Document]) -> list[str]:
    """A plain file name for each: none twice, not even where case does not count.

    What was refused and then released lies in a folder that says so; there are no others.
    """
    taken = {RELEASED: 2}
    names = [_free(_plain(document.name), taken) for document in documents]
    return [
        f"{RELEASED}/{name}" if document.state is State.RELEASED else name
        for document, name in zip(documents, names, strict=True)
    ]


def _archive(
    documents: Sequence[Document], read: Callable[[Document], Iterator[bytes]]
) -> ZipStream:
    made = ZipStream(sized=True)
    for document, name in zip(documents, member_names(documents), strict=True):
        made.add(_Turn(document, read), name, size=document.size)
    return made


class _Turn:
    """A document's bytes, asked for when the archive comes to it."""

    def __init__(self, document: Document, read: Callable[[Document], Iterator[bytes]]) -> None:
        self._document = document
        self._read = read

    def __iter__(self) -> Iterator[bytes]:
        return self._read(self._document)


def _plain(name: str) -> str:
    try:
        return clean_name(name.replace("/", "_").replace("\\", "_"), _LONGEST_NAME)
    except BadName:
        return _NAMELESS


def _free(name: str, taken: dict[str, int]) -> str:
    """`taken` has the number to go on with for each name: a thousand equal ones are not compared
    with each other."""
    path, wanted = PurePosixPath(name), name.casefold()
    number = taken.get(wanted, 2)
    while name.casefold() in taken:
        name = f"{path.stem} ({number}){path.suffix}"
        number += 1
    taken[wanted] = number
    taken.setdefault(name.casefold(), 2)
    return name
