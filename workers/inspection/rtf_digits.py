"""Bytes that rich text has as hexadecimal digits (RTF 1.9.1): pictures, themes, stored data.

No reader of RTF is strict about them: spaces, words and groups may stand between two digits. So a
run of digits is one thing, and all the runs of a picture together are another. For the parser cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from uploads.documents.readers.limits import Budget

_LEAST_DIGITS = 128
_COUNTED_AT_ONCE = 4096
_TOKENS_PER_STEP = 6
_ASIDE = rb"\{\\\*\\(?:blipuid|picprop)\b[^{}]{0,256}\}"  # of a picture, and no part of it
_TOKEN = re.compile(
    _ASIDE + rb"|\\bin(\d{1,10}) ?|\\(pict)(?![a-zA-Z])|\\[a-zA-Z]{1,32}(?:-?\d{1,10})? ?|\\.|[{}]|"
    rb"([0-9A-Fa-f\s\0]+)|([^\\{}0-9A-Fa-f\s\0][^\\{}]*)",
    re.DOTALL,
)
_SPACE = b" \t\r\n\v\f\0"


def blobs_of(file: BinaryIO, budget: Budget) -> Iterator[bytes]:
    """Yield what is written in digits, and what is not written but stands there (`\\bin`).

    Raises: Refusal, for more of them than a file may have.
    """
    file.seek(0)
    data = file.read()
    budget.begin(len(data))
    yield from _Blobs(data, budget).read()


class _Blobs:
    """One pass over the tokens; each is looked at once."""

    def __init__(self, data: bytes, budget: Budget) -> None:
        self._data = data
        self._budget = budget
        self._runs: list[bytes] = []
        self._in_picture = False
        self._binary_end = 0

    def read(self) -> Iterator[bytes]:
        at, count = 0, 0
        while found := _TOKEN.match(self._data, at):
            at = found.end()
            count += 1
            if not count % _COUNTED_AT_ONCE:
                self._budget.look(_COUNTED_AT_ONCE // _TOKENS_PER_STEP)
            size, picture, digits, text = found.groups()
            if digits is not None:
                yield from self._take(digits.translate(None, _SPACE))
            elif size is not None:
                # One within another is not handed out again: what it is, the outer one shows.
                if at >= self._binary_end:
                    self._binary_end = at + int(size)
                    yield from self._counted(self._data[at : self._binary_end])
            elif picture is not None or text is not None:
                yield from self._finish()
                self._in_picture = picture is not None
        yield from self._finish()

    def _take(self, digits: bytes) -> Iterator[bytes]:
        if self._in_picture and digits:
            self._runs.append(digits)
        if len(digits) >= _LEAST_DIGITS:
            yield from self._counted(_bytes(digits))

    def _finish(self) -> Iterator[bytes]:
        """All digits of a picture in one, where they were not."""
        runs, self._runs, self._in_picture = self._runs, [], False
        if len(runs) > 1 and len(joined := b"".join(runs)) >= _LEAST_DIGITS:
            yield from self._counted(_bytes(joined))

    def _counted(self, blob: bytes) -> Iterator[bytes]:
        if blob:
            self._budget.enter(1)
            yield blob


def _bytes(digits: bytes) -> bytes:
    """Of an odd number the last is left out."""
    return bytes.fromhex(digits[: len(digits) // 2 * 2].decode("ascii"))
