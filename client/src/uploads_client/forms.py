"""Many small files in one form, each a document by itself."""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from uploads_client.answers import Document
from uploads_client.batches import documents_of, fitting
from uploads_client.errors import UploadsError
from uploads_client.retrying import leaves_doubt, passes
from uploads_client.sources import Stopped
from uploads_client.wire import Wire, fresh_key

LARGEST = 256 * 1024
"""Larger files are sooner put into the store."""
MOST = 25
MOST_BYTES = 4 * 1024 * 1024
FORM_SECONDS = 10.0
"""For so long the answer to one that was sent whole is worth waiting for."""
# What readers of a form take in different ways (RFC 7578 section 4.2), or the service not at all.
_AMBIGUOUS = re.compile(r'["\\%\x00-\x1f\x7f]')
_LONGEST_NAME = 1024
_PIECE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Small:
    """A file whose bytes are at hand; `sha256` is theirs."""

    name: str
    type: str | None
    content: bytes
    sha256: str


def can_be_named(name: str) -> bool:
    """Whether it arrives as it is."""
    return len(name.encode()) <= _LONGEST_NAME and not _AMBIGUOUS.search(name)


class Forms:
    """Sends by `wire`, under a key of each form, until `stop`: one that is not sent whole by then
    is broken off, and so comes to nothing.
    """

    def __init__(self, wire: Wire, stop: threading.Event) -> None:
        self._wire = wire
        self._stop = stop

    def documents(self, files: Sequence[Small]) -> list[Document | UploadsError]:
        """A document of each of these, or why there is none. Raises UploadsError and Stopped.

        Where the service says that fewer would do, they are sent in several forms.
        """
        found, waiting, count = list[Document | UploadsError](), list(files), len(files)
        while waiting:
            some = waiting[:count]
            form = _Form(some)
            try:
                found += self._documents(form)
            except UploadsError as error:
                count = form.fewer(error)
                if not count:
                    if not found:
                        raise
                    return [*found, *[error] * len(waiting)]
                continue
            waiting = waiting[len(some) :]
            count = len(waiting)
        return found

    def _documents(self, form: _Form) -> list[Document | UploadsError]:
        """What became of each, asked again under the same key where that may change."""
        found = list[Document | UploadsError]()

        def once() -> None:
            nonlocal found
            found = self._asked(form)
            for one in found:
                if isinstance(one, UploadsError) and passes(one):
                    form.doubtful = True
                    raise one

        try:
            self._wire.repeat(once, lambda error: error in found)
        except (UploadsError, Stopped):
            if not found:
                raise
        return found

    def _asked(self, form: _Form) -> list[Document | UploadsError]:
        answer = self._wire.call(
            "POST",
            "/document-batches",
            headers=form.headers,
            body=_Pieces(form.body, self._stop.is_set),
            may_repeat=form.may_repeat,
        )
        return documents_of(answer, form.count)


class _Pieces:
    """A body for as many tries as need be. Raises Stopped, but never once its last piece went."""

    def __init__(self, whole: bytes, stopped: Callable[[], bool]) -> None:
        self._whole, self._stopped = whole, stopped

    def __iter__(self) -> Iterator[bytes]:
        for at in range(0, len(self._whole), _PIECE):
            if self._stopped():
                raise Stopped
            yield self._whole[at : at + _PIECE]


class _Form:
    """One form and its key. Where it is in doubt what became of it, nothing of it goes under
    another key: that could make second documents.
    """

    def __init__(self, files: Sequence[Small]) -> None:
        boundary, self.body = _form(files)
        self.count = len(files)
        self.doubtful = False
        self.headers = {
            **fresh_key(),
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(len(self.body)),
        }

    def may_repeat(self, error: UploadsError) -> bool:
        self.doubtful = self.doubtful or leaves_doubt(error)
        return not self.fewer(error)

    def fewer(self, error: UploadsError) -> int:
        """With how many files it may be tried instead; 0 for none."""
        return 0 if self.doubtful else fitting(error, self.count)


def _form(files: Sequence[Small]) -> tuple[str, bytes]:
    """A boundary, and the form that it bounds (RFC 7578)."""
    boundary = f"uploads-client-{secrets.token_hex(16)}"
    line = f"--{boundary}\r\nContent-Disposition: form-data; "
    pieces = list[bytes]()
    for file in files:
        kind = f"Content-Type: {file.type}\r\n" if file.type else ""
        pieces.append(f'{line}name="file"; filename="{file.name}"\r\n{kind}\r\n'.encode())
        pieces.append(file.content)
        pieces.append(f'\r\n{line}name="sha256"\r\n\r\n{file.sha256}\r\n'.encode())
    return boundary, b"".join([*pieces, f"--{boundary}--\r\n".encode()])
