"""One member of an archive on its way past: what has to be known of it afterwards, and no more.

It is held in memory where something is packed in it, and else up to a bound: what is packed in its
end shows at its end. Only the cell's bound on memory holds for all together.
"""

from __future__ import annotations

import contextlib
import io
import struct
from collections.abc import Iterator
from typing import BinaryIO

from uploads.documents.readers.limits import Budget, Refusal
from workers.inspection.checks.biff import begins_as_biff
from workers.inspection.closed import FOOT_BYTES, HEAD_BYTES, Following, closed
from workers.inspection.heads import opened_as
from workers.inspection.ole import check_bare
from workers.inspection.pdfs import open_pdf, steps_to_open

HELD_BYTES = 64 * 1024 * 1024
TAIL_BYTES = 66_000  # an end record and its longest comment
_PDF_HEAD_BYTES = 1024
_NOTED = ("png", "id3")
"""Carry something among their first bytes, and may be very large."""
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
_ODF_MANIFEST, _ODF_LOCKED = "META-INF/manifest.xml", b"encryption-data"
_END, _LOCATOR = struct.Struct("<4s4H2LH"), struct.Struct("<4sLQL")
_END64_BYTES = 56


class Kept:
    """`pieces` are a member's bytes, the first of them large enough to tell what it is.

    `name` is a label; by it alone it is told that it is a table, or says what is locked.
    """

    def __init__(self, pieces: Iterator[bytes], name: str = "") -> None:
        self._first = next(pieces, b"")
        self._rest = pieces
        self._head = self._first[:HEAD_BYTES]
        self._kind = opened_as(self._head)
        self._document = _document(self._head, name)
        locked = _ODF_LOCKED if name == _ODF_MANIFEST else None
        self._locked = _ENCRYPTED_PACKAGE if self._kind == "ole" else locked
        self._held: io.BytesIO | None = io.BytesIO()
        self._beginning: io.BytesIO | None = None
        self._tail = b""
        self._following = Following()
        self.chunks = self._pass()

    def document(self) -> tuple[str, BinaryIO] | None:
        """The kind and bytes of a document in which nothing is packed."""
        if self._document is None:
            return None
        for _ in self.chunks:
            pass
        return self._document, self._whole()

    def containers(self, budget: Budget) -> Iterator[tuple[str, BinaryIO]]:
        """How it is packed, and its bytes, in each way in which some program would open it.

        Raises: Refusal, for what is packed in a way that nobody opens here.
        """
        for _ in self.chunks:
            pass  # limits and checksums count for what nobody wanted as well
        if name := closed(self._head, self._tail[-FOOT_BYTES:]) or self._following.found:
            raise Refusal("unknown-packing", f"a container that is not opened: {name}")
        check_bare(self._head)
        if self._kind is not None:
            yield self._kind, self._beginning or self._whole()
        elif self._is_shifted_pdf(budget):
            yield "pdf", self._whole()
        if self._kind != "zip" and (archive := self.archive_at_end()) is not None:
            yield "led zip", archive

    def _pass(self) -> Iterator[bytes]:
        seen = b""
        piece = self._first
        while piece:
            self._keep(piece)
            if self._locked is not None:
                # Letters of two bytes as well: XML may be written so.
                if self._locked in (window := seen + piece) or self._locked in _narrow(window):
                    raise Refusal("encrypted", "an encrypted document")
                seen = piece[-2 * len(self._locked) :]
            yield piece
            piece = next(self._rest, b"")

    def _keep(self, piece: bytes) -> None:
        self._tail = (self._tail + piece[-TAIL_BYTES:])[-TAIL_BYTES:]
        self._following.see(piece)
        if self._held is None:
            return
        self._held.write(piece)
        wanted = (self._kind or self._document) is not None and self._kind not in _NOTED
        if not wanted and self._held.tell() > HELD_BYTES:
            self._beginning = self._held if self._kind in _NOTED else None
            self._held = None

    def _whole(self) -> io.BytesIO:
        if self._held is None:
            raise Refusal("too-large", "something is packed at the end of a large member")
        return self._held

    def _is_shifted_pdf(self, budget: Budget) -> bool:
        """Whether a PDF begins in its first KiB, as readers allow (ISO 32000-1, annex H, 3.4.1).

        The words alone may stand in any text.
        """
        if b"%PDF-" not in self._head[:_PDF_HEAD_BYTES]:
            return False
        whole = self._whole()
        budget.look(steps_to_open(len(whole.getbuffer())))
        try:
            open_pdf(whole).close()
        except Refusal as refusal:
            return refusal.reason != "malformed-file"
        return True

    def archive_at_end(self) -> io.BytesIO | None:
        """A ZIP behind something else: to programs that look from the end, it is one.

        To be asked once all of `chunks` went past.
        """
        at = self._tail.rfind(b"PK\5\6")
        while at >= 0:
            if len(self._tail) - at >= _END.size and (found := self._archive(at)) is not None:
                return found
            at = self._tail.rfind(b"PK\5\6", 0, at)
        return None

    def _archive(self, at: int) -> io.BytesIO | None:
        """The archive with this end record in the tail; None where it is none.

        Its offsets may count from its own first byte, or from that of the whole.
        """
        _, disk, first, here, count, size, offset, comment = _END.unpack_from(self._tail, at)
        if disk != first or here != count or not count:
            return None
        whole = self._whole().getbuffer()
        position = len(whole) - len(self._tail) + at
        end = position + _END.size + comment
        with contextlib.suppress(struct.error):
            mark, _, stated, _ = _LOCATOR.unpack(whole[max(0, position - _LOCATOR.size) : position])
            if mark == b"PK\6\7":
                start = position - _LOCATOR.size - _END64_BYTES - stated
                return io.BytesIO(whole[max(0, start) : end])
        if size <= position and bytes(whole[position - size :][:4]) == b"PK\1\2":
            return io.BytesIO(whole[max(0, position - size - offset) : end])
        return io.BytesIO(whole[:end]) if bytes(whole[offset:][:4]) == b"PK\1\2" else None


def _document(head: bytes, name: str) -> str | None:
    if head.startswith(b"ActiveMime"):
        return "activemime"
    if begins_as_biff(head):
        return "biff"
    return "csv" if name.lower().endswith(".csv") else None


def _narrow(text: bytes) -> bytes:
    return text.replace(b"\0", b"")
