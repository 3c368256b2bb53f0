"""A request's body as a stream against a clock: `wsgi.input` as this service reads it.

A form or JSON must be there as a whole within seconds; an upload may take its time, as long as it
is neither silent nor slower than a client can be. A piece is what has come: nobody waits for a
piece to fill, and a slow client holds no buffer. Knows nothing of forms and nothing of routes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from gunicorn.http.body import Body, ChunkedReader, LengthReader
from gunicorn.http.errors import ParseException

from uploads.deadlines import Line, Pace
from uploads.documents.errors import Malformed, SizeMismatch

# The most that one read takes: each costs the same, so small ones halve the speed of a fast client.
PIECE = 1024 * 1024
# What a client is first asked for; four times that as often as it had sent all of it already.
_FIRST_PIECE = 128 * 1024
# What a slow client gathers in the kernel before it is read.
_GATHERED = 64 * 1024
# Framing beyond the bytes that it frames, where a body comes in chunks (RFC 9112 section 7.1): so
# much in all, and a part of what came. Chunks of 20 bytes and more stay below it.
_FRAMING = 64 * 1024
_FRAMING_SHARE = 4
_TRAILER_BYTES = 4 * 1024
# A client that sends crumbs one after the other is read so often a second, at most.
_CRUMB = 1024
_CRUMBS = 32
_PAUSE_SECONDS = 0.01
_SMALL_SECONDS = 10.0
_SMALL_BYTES = 256 * 1024
_LINGER_BYTES = 8 * 1024 * 1024
_LINGER_SECONDS = 5.0


class Inbound:
    """`wsgi.input` that knows how much of the body was taken.

    `length` is the Content-Length in bytes, or None for a chunked body, which ends by itself.
    `line` is the client's connection, where there is one. Until `stream` is called it is a small
    body, all of which must come within seconds.
    """

    def __init__(
        self, source: Any, length: int | None, line: Line | None = None, pace: Pace | None = None
    ) -> None:
        self._source = source
        self._length = length
        self._line = line
        self._pace = pace
        self._take = _taker(source, line)
        self._step = _FIRST_PIECE
        self._held = b""
        self._taken = 0
        self._begun = False
        self._told: Callable[[int], None] = lambda _: None
        # RFC 9110 section 10.1.1: told when somebody reads, and never of what is refused unread.
        self._awaits_word = line is not None and line.expects
        self.exhausted = length == 0

    def read(self, size: int = -1) -> bytes:
        """Exactly `size` bytes, fewer only at the end of the body; at most 256 KiB unless told.

        Raises SizeMismatch when the client leaves, stalls or is too slow, and Malformed when its
        chunks make no sense (RFC 9112, section 7.1).
        """
        if not self._begun:
            self._begin(_SMALL_SECONDS, seconds=_SMALL_SECONDS)
        wanted = size if size >= 0 else _SMALL_BYTES
        have, self._held = bytearray(self._held), b""
        while len(have) < wanted and not self.exhausted:
            have += self.piece()
        self._held = bytes(have[wanted:])
        return bytes(have[:wanted])

    @property
    def taken(self) -> int:
        """Bytes of the body that were read so far."""
        return self._taken

    @property
    def left(self) -> int:
        """Bytes that are still to come for certain: none of a body whose length nobody knows."""
        return 0 if self._length is None else self._length - self._taken

    def watch(self, told: Callable[[int], None]) -> None:
        """Tell `told` of each piece that is taken from now on, by its size in bytes."""
        self._told = told

    def readline(self, size: int = -1) -> bytes:
        raise OSError("this service reads bodies in pieces, not in lines")

    def stream(self, silence_seconds: float) -> None:
        """From now on it is an upload: it may take its time, as long as bytes keep coming."""
        self._begin(silence_seconds, pace=self._pace)

    def announce_end(self) -> None:
        """Have the answer say that the connection ends with it, where `linger` will break off."""
        left = None if self._length is None else self._length - self._taken
        too_much = left is None or left > _LINGER_BYTES or self._awaits_word
        if self._line is not None and too_much:
            self._line.close_after()

    def linger(self) -> None:
        """Read and discard what a refused client still sends, within 8 MiB and 5 seconds.

        One that waits for a word before it sends has the answer in its place.
        """
        if self._awaits_word:
            self._break_off()
        stop = self._taken + _LINGER_BYTES
        self._begin(_LINGER_SECONDS, seconds=_LINGER_SECONDS)
        while not self.exhausted and self._taken < stop:
            try:
                self.piece()
            except (Malformed, SizeMismatch):
                return
        if not self.exhausted:
            self._break_off()

    def _begin(
        self, silence: float, *, seconds: float | None = None, pace: Pace | None = None
    ) -> None:
        self._begun = True
        if self._line is not None:
            self._line.bound(silence, seconds=seconds, pace=pace)

    def piece(self) -> bytes:
        """What has come since, at most about 1 MiB; waits for a byte of it. None at the end.

        Raises what `read` raises.
        """
        if self.exhausted:
            return b""
        left = PIECE if self._length is None else self._length - self._taken
        try:
            if self._awaits_word:
                self._say_go_on()
            data = self._take(min(self._step, left))
        except ParseException as error:
            self._break_off()
            raise Malformed(_said_of(error)) from error
        except (OSError, ValueError, StopIteration) as error:
            # gunicorn reports a stalled client as TimeoutError.
            self._break_off()
            raise SizeMismatch from error
        self._taken += len(data)
        self._told(len(data))
        if len(data) >= self._step:
            self._step = min(4 * self._step, PIECE)
        if self._taken == self._length:
            self.exhausted = True
        elif not data:
            self.exhausted = True
            if self._length is not None:
                self._break_off()
                raise SizeMismatch
        return data

    def _say_go_on(self) -> None:
        self._awaits_word = False
        if self._line is not None:
            self._line.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _break_off(self) -> None:
        """Nothing more is read, by gunicorn neither: no other request can begin in the middle."""
        self.exhausted = True
        self._held = b""
        # What gunicorn itself sets when a body fails: it then closes instead of draining.
        self._source.failed = True
        if self._line is not None:
            self._line.close_after()  # and does not wait for another request first


def _taker(source: Any, line: Line | None) -> Callable[[int], bytes]:
    """How the next bytes of a body are taken, up to a number of them, as soon as any are there.

    gunicorn's `Body.read` waits until all of them are there, and copies each of them five times.
    """
    reader = source.reader if isinstance(source, Body) else None
    if isinstance(reader, ChunkedReader):
        return _Chunks(reader, line).take
    if isinstance(reader, LengthReader) and line is not None:
        return _Straight(reader, line).take
    return source.read  # type: ignore[no-any-return]


class _Straight:
    """The bytes of a body of known length, from the socket itself.

    A client that sends less than is asked for is let gather some in the kernel: to be woken for
    every few bytes of thousands of slow clients is what would stop the fast ones.
    """

    def __init__(self, reader: LengthReader, line: Line) -> None:
        self._reader = reader
        self._line = line
        self._ahead: bytes | None = None
        self._gathers = 1

    def take(self, size: int) -> bytes:
        if self._ahead is None:
            # What the parser of the headers had read beyond them.
            self._ahead = self._reader.unreader.take_buffered()
        if self._ahead:
            data, self._ahead = self._ahead[:size], self._ahead[size:]
            if len(data) < size:
                # The rest of a small body is mostly there: each piece costs the same all the way.
                data += self._line.there(size - len(data))
        else:
            data = self._line.recv(size)
            if len(data) < size or self._gathers > 1:
                self._gather(min(_GATHERED, self._reader.length - len(data)))
        self._reader.length -= len(data)
        if self._reader.length == 0 and self._ahead:
            self._reader.unreader.unread(self._ahead)  # the next request begins here
            self._ahead = b""
        return data

    def _gather(self, size: int) -> None:
        """Be woken when so much has come; never more than is still to come."""
        size = max(1, size)
        if size != self._gathers:
            self._gathers = size
            self._line.wake_at(size)


class _Crumbs(ParseException):  # type: ignore[misc]
    """Raised where a body is more framing than content."""


def _said_of(error: ParseException) -> str:
    if isinstance(error, _Crumbs):
        return "The body comes in too many small chunks. Send larger ones, or its length."
    return "The body's chunks are not well formed. Send it again."


class _Chunks:
    """The bytes of a body in chunks: those that came together are one piece.

    A chunk may be one byte, and a piece costs the same all the way, whatever is in it. So each read
    from the socket makes one piece, and what costs far more to take apart than it holds is refused.
    """

    def __init__(self, reader: ChunkedReader, line: Line | None) -> None:
        self._parser = reader.parser
        # Looked through anew at each read; nobody here asks for trailers.
        reader.limit_trailer_section = _TRAILER_BYTES
        self._line = line
        self._before = 0 if line is None else line.received
        self._payload = 0
        self._crumbs = 0

    def take(self, size: int) -> bytes:
        """None at the end: the parser may give nothing in between, its end is one of its own."""
        if self._line is None:
            return next((data for data in self._parser if data), b"")
        self._slow_down()
        pieces, held, before = [], 0, self._line.received
        for data in self._parser:
            pieces.append(data)
            held += len(data)
            if held >= size or (held and self._line.received != before):
                break
        self._payload += held
        self._crumbs = self._crumbs + 1 if held < _CRUMB else 0
        self._check(self._line.received - self._before - self._payload)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _check(self, framing: int) -> None:
        """Raises _Crumbs. What came with the headers is payload here and no framing."""
        if framing > _FRAMING + self._payload // _FRAMING_SHARE:
            raise _Crumbs("too much framing")

    def _slow_down(self) -> None:
        """More gathers meanwhile. The end of a body is not known, so it cannot be waited for."""
        if self._crumbs >= _CRUMBS:
            time.sleep(_PAUSE_SECONDS)
