"""Tries, before any document is converted, whether its cell holds and LibreOffice works in it.

The properties, not the mechanisms, are asked for, as in the strict cell's self-test. An answer that
is no ends nothing but these previews: files are then drawn from what they bring along.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from uploads.documents.errors import Unavailable
from uploads.office import ON
from workers.rendering.installation import Installation, OfficeUnfit
from workers.rendering.office import Office
from workers.sandbox.parent import Cell, CellFailure
from workers.sandbox.premises import Premises
from workers.scratch import Scratch

_log = structlog.get_logger(__name__)

# OpenDocument 1.3 part 3, 2.2.1: a text document in a single file.
_SAMPLE = (
    b'<?xml version="1.0"?><office:document office:version="1.3" '
    b'office:mimetype="application/vnd.oasis.opendocument.text" '
    b'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    b'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0">'
    b"<office:body><office:text><text:p>Hello</text:p></office:text></office:body>"
    b"</office:document>"
)


@dataclass(frozen=True, slots=True)
class OfficeFound:
    """What may convert documents here, if anything, and the word on it for operators."""

    installation: Installation | None
    word: str


NO_OFFICE = OfficeFound(None, "off")


def find_office(cell: Cell, scratch: Scratch, new_id: Callable[[], str]) -> OfficeFound:
    """Look for LibreOffice and try it; whatever is found is logged, and nothing raised."""
    try:
        installation = Installation.find()
        try_office(Office(cell, scratch, new_id, installation), cell, scratch)
    except (OfficeUnfit, Unavailable, OSError) as error:
        _log.error("office_previews_off", cause=str(error))
        return OfficeFound(None, f"off, for {error}")
    _log.info("office_previews_on", build=installation.build)
    return OfficeFound(installation, ON)


def try_office(office: Office, cell: Cell, scratch: Scratch) -> None:
    """Try to break out, and then to convert a document of ours. Raises OfficeUnfit."""
    try:
        with office.premises() as premises:
            break_out(premises, cell, scratch)
        _convert(office)
    except CellFailure as error:
        said = error.log.strip().splitlines()[-1:] or ["it said nothing"]
        raise OfficeUnfit(f"{error}: {said[0][:200]}") from error


def break_out(premises: Premises, cell: Cell, scratch: Scratch) -> None:
    """Try every way out of a cell with these premises that we know; raises OfficeUnfit."""
    with scratch.file("secret-of-the-trial") as secret:
        secret.write_bytes(b"not for the cell")
        secret.chmod(0o666)  # so that nothing but the lock is in the way
        options = {"worker": os.getpid(), "secret": str(secret)}
        with Path(__file__).open("rb") as any_file:
            found = cell.run("program probe", any_file, options, premises=premises).result
    open_to = sorted(name for name, word in found.items() if word != "denied")
    if open_to or not found:
        raise OfficeUnfit("its cell is open: " + ", ".join(open_to or ["no probe ran"]))


def _convert(office: Office) -> None:
    with tempfile.TemporaryFile() as sample:
        sample.write(_SAMPLE)
        sample.flush()
        with office.convert(sample, "fodt") as made:
            if not made.read(5).startswith(b"%PDF-"):
                raise OfficeUnfit("LibreOffice made no PDF of a document of ours")
