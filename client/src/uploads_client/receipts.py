"""Receipts: what became of each file, for people and as JSON, and the exit code of it all."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from uploads_client.answers import Document
from uploads_client.errors import NotReachable, UploadsError, WaitTimeout


class LocalTrouble(UploadsError):
    """Raised when a file of this machine, or what was said of it, is in the way."""

    code = "local"

    @classmethod
    def of(cls, error: OSError | ValueError) -> LocalTrouble:
        """The same in words: those of the system begin with a number."""
        if not isinstance(error, OSError) or error.strerror is None:
            return cls(str(error))
        name = None if error.filename is None else os.fsdecode(error.filename)
        if isinstance(error, IsADirectoryError):
            return cls(f"{name} is a folder. Name the files in it, or pack it into one.")
        if isinstance(error, FileNotFoundError):
            return cls(f"There is no file {name}.")
        return cls(f"{error.strerror}." if name is None else f"{error.strerror}: {name}.")

    def __str__(self) -> str:
        return self.detail


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was asked for by the name of `file`: its document, or what went wrong, or both."""

    file: str | None
    document: Document | None = None
    error: UploadsError | None = None

    @property
    def sha256(self) -> str | None:
        """What the service read; before that, what was sent."""
        document = self.document
        return None if document is None else document.sha256 or document.sent_sha256

    def as_json(self) -> str:
        """One object in one line."""
        told: dict[str, Any] = {} if self.file is None else {"file": self.file}
        if self.document is not None:
            found = self.document
            told |= {"id": found.id, "name": found.name, "size": found.size, "sha256": self.sha256}
            told |= {"state": found.state, "verdict": found.members.get("verdict")}
        if self.error is not None:
            error = self.error
            told["error"] = {"code": error.code, "detail": error.detail, "status": error.status}
            told["error"]["request_id"] = error.request_id
        return json.dumps(told)

    def as_text(self) -> str:
        """A few lines for people."""
        shown = [str(self.file)]
        if self.document is not None:
            found = self.document
            shown = [found.name or str(self.file)]
            shown += [f"  id       {found.id}", f"  size     {found.size} bytes"]
            shown += [f"  sha256   {self.sha256 or 'not known'}", f"  verdict  {_verdict(found)}"]
        if self.error is not None:
            shown.append(f"  error    {self.error}")
        return "\n".join(map(plain, shown))

    def code(self, unsettled_is_fine: bool) -> int:
        """0 to 3, as the command's exit codes."""
        if isinstance(self.error, NotReachable | WaitTimeout):
            return 3
        if isinstance(self.error, LocalTrouble):
            return 2
        if self.error is not None or self.document is None:
            return 1
        fine = self.document.served or (unsettled_is_fine and not self.document.settled)
        return 0 if fine else 1


def show(
    receipts: Sequence[Receipt],
    as_json: bool,
    unsettled_is_fine: bool = False,
    to: TextIO | None = None,
) -> int:
    """Print all of them, to standard output or `to` another; the worst code counts."""
    for one in receipts:
        print(one.as_json() if as_json else one.as_text(), file=to)
    return max((one.code(unsettled_is_fine) for one in receipts), default=0)


def gone(document_id: str) -> str:
    """The receipt of a document that was deleted, as JSON."""
    return json.dumps({"file": document_id, "id": document_id, "state": "deleted"})


def line(found: Document | str) -> str:
    """One document, or one name, in a line."""
    if isinstance(found, str):
        return plain(found)
    return plain(f"{found.id}  {found.state:<11}  {found.size:>12}  {found.name or '-'}")


def plain(text: str) -> str:
    """Without what would move a terminal's cursor."""
    return "".join(one if one.isprintable() else "?" for one in text)


def _verdict(found: Document) -> str:
    verdict = found.verdict
    if verdict is None:
        return "none yet" if not found.settled else found.state
    findings = [f"{one.name}: {one.finding}" for one in verdict.engines if one.finding]
    words = [one for one in (verdict.reason, *findings) if one]
    return found.state + (f" ({', '.join(words)})" if words else "")
