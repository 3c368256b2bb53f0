"""Office documents as PDF, by LibreOffice in a cell of its own kind, where an operator wants it.

The program gets one document and one folder, and what is left of it is one file, as untrusted as
the document was: the strict cell draws it. Whether the cell for it holds is tried at the start of a
worker, and without a yes nothing is converted.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO

import structlog

from workers.rendering.cell_convert import RESULT
from workers.rendering.installation import FILE_BYTES, Installation
from workers.sandbox.confinement import NOBODY
from workers.sandbox.parent import Cell, CellBroken, CellCrashed, CellTimeout
from workers.sandbox.premises import Premises
from workers.scratch import Scratch

PDF = "application/pdf"
_OOXML = "application/vnd.openxmlformats-officedocument."
_ODF = "application/vnd.oasis.opendocument."
ENDINGS = {
    f"{_OOXML}wordprocessingml.document": "docx",
    f"{_OOXML}spreadsheetml.sheet": "xlsx",
    f"{_OOXML}presentationml.presentation": "pptx",
    f"{_ODF}text": "odt",
    f"{_ODF}spreadsheet": "ods",
    f"{_ODF}presentation": "odp",
}
FOLDER_BYTES = 256 * 1024 * 1024
FOLDER_ENTRIES = 2000  # a fresh profile and one document take less than 150

_log = structlog.get_logger(__name__)


class Office:
    """Converts documents, one process and one folder each; both are gone afterwards."""

    def __init__(
        self, cell: Cell, scratch: Scratch, new_id: Callable[[], str], installation: Installation
    ) -> None:
        self._cell = cell
        self._scratch = scratch
        self._new_id = new_id
        self._installation = installation

    def handles(self, type: str) -> bool:  # noqa: A002 - the word of the interface
        """Whether files of this canonical type are converted."""
        return type in ENDINGS

    @contextmanager
    def drawable(self, file: BinaryIO, type: str) -> Iterator[tuple[BinaryIO, str]]:  # noqa: A002
        """What shall be drawn for a document, and its type: a PDF of it, or else the file itself.

        Raises CellKilled, CellBroken when the cell itself is out of order, and Unavailable.
        """
        made = self._made(file, type) if self.handles(type) else None
        if made is None:
            yield file, type
            return
        with made:
            yield made, PDF

    def _made(self, file: BinaryIO, type: str) -> BinaryIO | None:  # noqa: A002
        """The PDF, or None when the document is at fault."""
        try:
            return self.convert(file, ENDINGS[type])
        except CellBroken:
            raise
        except (CellCrashed, CellTimeout) as error:
            _log.info("not_converted", cause=str(error), detail=error.log[-500:])
            return None

    def convert(self, file: BinaryIO, ending: str) -> BinaryIO:
        """Return an open PDF, whose name is gone already, made of a file with this ending.

        Raises CellCrashed when there is none in the end, and otherwise as the cell does.
        """
        size = os.fstat(file.fileno()).st_size
        if size > FILE_BYTES:
            raise CellCrashed(f"{size} bytes are too many to be converted")
        options = {
            "program": str(self._installation.program),
            "build": self._installation.build,
            "ending": ending,
        }
        with self.premises() as premises:
            folder = Path(premises.folder)
            patrol = partial(within_bounds, folder)
            self._cell.run("convert", file, options, premises=premises, patrol=patrol)
            return _result(folder)

    @contextmanager
    def premises(self) -> Iterator[Premises]:
        """A new folder, and what else a conversion keeps; the folder is gone afterwards."""
        with self._scratch.folder(f"office-{self._new_id()}", NOBODY) as folder:
            yield self._installation.premises(folder)


def within_bounds(folder: Path) -> None:
    """Raises CellCrashed when a folder holds more than a document's conversion may need."""
    size, count = 0, 0
    try:
        for one in _sizes(folder):
            size, count = size + one, count + 1
            if size > FOLDER_BYTES or count > FOLDER_ENTRIES:
                raise CellCrashed("the conversion wrote more than it may")
    except OSError as error:  # it was closed, or its path made too long
        raise CellCrashed(f"the conversion hid a folder: {error.strerror}") from error


def _sizes(folder: Path) -> Iterator[int]:
    """Bytes that each entry below a folder takes, while somebody adds and removes some."""
    rest = [str(folder)]
    while rest:
        with suppress(FileNotFoundError), os.scandir(rest.pop()) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    if entry.is_dir(follow_symlinks=False):
                        rest.append(entry.path)
                    yield entry.stat(follow_symlinks=False).st_blocks * 512


def _result(folder: Path) -> BinaryIO:
    """Open the one file that counts: a plain file, and nothing that leads elsewhere."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(folder / RESULT, flags)
    except OSError as error:
        raise CellCrashed(f"the conversion left nothing: {error.strerror}") from error
    opened = os.fdopen(descriptor, "rb")
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        opened.close()
        raise CellCrashed("the conversion left no plain file")
    return opened
