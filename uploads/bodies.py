"""Request bodies as streams: counted, bounded, never spooled.

A door asks for the raw pieces of a body or for the parts of a multipart/form-data one (RFC 7578),
parsed by the `multipart` package's push parser. After an early refusal the rest is read and
thrown away for a while, so that a browser gets to see the sentence and not a reset.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from flask import Request
from gunicorn.http.errors import ParseException
from multipart import (
    MultipartError,
    MultipartSegment,
    ParserLimitReached,
    PushMultipartParser,
    parse_options_header,
)

from uploads.documents.errors import (
    BodyTooLarge,
    HeadersTooLarge,
    Invalid,
    Malformed,
    SizeMismatch,
    UnsupportedMediaType,
)

PIECE = 1024 * 1024
_FIELD_BYTES = 64 * 1024
_SKIP_BYTES = 128 * 1024 * 1024
_PARTS = 64
_PART_HEADER_BYTES = 8 * 1024
_BOUNDARY_CHARS = 70  # RFC 2046 section 5.1.1
_LINGER_BYTES = 8 * 1024 * 1024
_LINGER_SECONDS = 5.0


class _Readable(Protocol):
    def read(self, size: int) -> bytes: ...


class Inbound:
    """`wsgi.input` that knows how much of the body was taken.

    `length` is the Content-Length in bytes, or None for a chunked body, which ends by itself.
    """

    def __init__(self, stream: _Readable, length: int | None, sock: Any = None) -> None:
        self._stream = stream
        self._length = length
        self._sock = sock
        self._taken = 0
        self.exhausted = length == 0

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes; raises SizeMismatch when the client leaves, stalls or garbles."""
        if self.exhausted:
            return b""
        try:
            data = self._stream.read(size if size >= 0 else PIECE)
        except (OSError, ValueError, StopIteration, ParseException) as error:
            # gunicorn reports bad chunks as ParseException, a stalled client as TimeoutError.
            self.exhausted = True
            raise SizeMismatch from error
        self._taken += len(data)
        if not data:
            self.exhausted = True
            if self._length is not None and self._taken < self._length:
                raise SizeMismatch
        elif self._taken == self._length:
            self.exhausted = True
        return data

    def readline(self, size: int = -1) -> bytes:
        raise OSError("this service reads bodies in pieces, not in lines")

    def allow_silence(self, seconds: float) -> None:
        """A client that sends nothing for this long has left."""
        if self._sock is not None:
            self._sock.settimeout(seconds)

    def linger(self) -> None:
        """Read and discard what a refused client still sends, within 8 MiB and 5 seconds."""
        deadline = time.monotonic() + _LINGER_SECONDS
        stop = self._taken + _LINGER_BYTES
        while not self.exhausted and self._taken < stop and time.monotonic() < deadline:
            self.allow_silence(max(0.1, deadline - time.monotonic()))
            try:
                self.read(PIECE)
            except SizeMismatch:
                return


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a form: `filename` is None for a plain field. Nothing of it is trusted."""

    field: str
    filename: str | None
    content_type: str | None
    pieces: Iterator[bytes]

    def text(self) -> str:
        """A plain field's value. Raises BodyTooLarge past 64 KiB and Malformed if not UTF-8."""
        value = b""
        for piece in self.pieces:
            value += piece
            if len(value) > _FIELD_BYTES:
                raise BodyTooLarge
        try:
            return value.decode()
        except UnicodeDecodeError as error:
            raise Malformed from error


def wrap(environ: dict[str, Any]) -> None:
    """Put an `Inbound` in place of `wsgi.input`. A bad Content-Length never gets here."""
    chunked = "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()
    length = None if chunked else int(environ.get("CONTENT_LENGTH") or 0)
    stream = environ["wsgi.input"]
    environ["wsgi.input"] = Inbound(stream, length, environ.get("gunicorn.socket"))
    environ["wsgi.input_terminated"] = True


def inbound(request: Request) -> Inbound:
    """The request's body as `wrap` put it there."""
    found: Inbound = request.environ["wsgi.input"]
    return found


def raw_pieces(request: Request, silence_seconds: float) -> Iterator[bytes]:
    """The body in pieces of at most 1 MiB."""
    body = inbound(request)
    body.allow_silence(silence_seconds)
    while piece := body.read(PIECE):
        yield piece


def form_parts(request: Request, silence_seconds: float) -> Iterator[Part]:
    """The parts of a multipart/form-data body, in order; a part skipped is read past.

    Raises UnsupportedMediaType, Malformed, HeadersTooLarge, BodyTooLarge, SizeMismatch.
    """
    events = _events(_parser(request), raw_pieces(request, silence_seconds))
    for event in events:
        if not isinstance(event, MultipartSegment):
            continue
        part = Part(event.name or "", event.filename, event.content_type, _payload(events))
        yield part
        _skip(part)


def _skip(part: Part) -> None:
    """Read past what nobody wanted of a part, but not without end."""
    skipped = 0
    for piece in part.pieces:
        skipped += len(piece)
        if skipped > _SKIP_BYTES:
            raise BodyTooLarge


def sole_file(request: Request, silence_seconds: float, field: str = "file") -> Part:
    """The one file part of a form that has nothing else.

    Its pieces end only when the whole body was read and held nothing more, so whoever commits
    after the last piece commits the whole form. Raises Invalid for any other form.
    """
    parts = form_parts(request, silence_seconds)
    first = next(parts, None)
    if first is None or first.field != field or first.filename is None:
        raise _not_one_file(field)
    return Part(first.field, first.filename, first.content_type, _through(first, parts))


def _through(first: Part, rest: Iterator[Part]) -> Iterator[bytes]:
    yield from first.pieces
    for _ in rest:
        raise _not_one_file(first.field)


def _not_one_file(field: str) -> Invalid:
    return Invalid(
        f"The form must have exactly one part, a file named `{field}`. Send one file a request.",
        errors=[{"pointer": field, "detail": "exactly one file part is expected"}],
    )


def _parser(request: Request) -> PushMultipartParser:
    kind, options = parse_options_header(request.headers.get("Content-Type", ""))
    if kind != "multipart/form-data":
        raise UnsupportedMediaType
    boundary = options.get("boundary", "")
    if not 0 < len(boundary) <= _BOUNDARY_CHARS:
        raise Malformed("The form has no usable boundary. Let your client make the Content-Type.")
    return PushMultipartParser(
        boundary,
        max_header_size=_PART_HEADER_BYTES,
        max_segment_count=_PARTS,
        strict=True,
    )


def _events(parser: PushMultipartParser, pieces: Iterator[bytes]) -> Iterator[Any]:
    try:
        for piece in pieces:
            yield from parser.parse(piece)
        parser.close()
    except ParserLimitReached as error:
        raise HeadersTooLarge("The form has too many parts or headers. Send less.") from error
    except (MultipartError, ValueError) as error:
        raise Malformed(
            "The form could not be read: it is cut off or not multipart/form-data. Send it again."
        ) from error


def _payload(events: Iterator[Any]) -> Iterator[bytes]:
    for event in events:
        if event is None:
            return
        yield event
