"""Request bodies as streams: counted, bounded, never spooled.

A door asks for the raw pieces of a body or for the parts of a multipart/form-data one (RFC 7578),
parsed by the `multipart` package's push parser. After an early refusal the rest is read and
thrown away for a while, so that a browser gets to see the sentence and not a reset.

Every body is read against a clock, for whoever reads holds one of few threads: a form or JSON
must be there as a whole within seconds, an upload piece by piece.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
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

from uploads.deadlines import Watch
from uploads.documents.errors import (
    BodyTooLarge,
    HeadersTooLarge,
    Invalid,
    Malformed,
    SizeMismatch,
    UnsupportedMediaType,
)

# A read returns when so much is there: small enough that a slow upload's segments are stored and
# its row kept alive in time, large enough to cost a fast one nothing.
PIECE = 256 * 1024
_PIECE_SECONDS = 120.0  # about 2 kB/s, less than any line in use gives
_SMALL_SECONDS = 10.0
_FIELD_BYTES = 64 * 1024
_SKIP_BYTES = 128 * 1024 * 1024
_PARTS = 64
_PART_HEADER_BYTES = 8 * 1024
_BOUNDARY_CHARS = 70  # RFC 2046 section 5.1.1
_LINGER_BYTES = 8 * 1024 * 1024
_LINGER_SECONDS = 5.0
_watch = Watch()


class _Readable(Protocol):
    failed: bool

    def read(self, size: int) -> bytes: ...


class Inbound:
    """`wsgi.input` that knows how much of the body was taken.

    `length` is the Content-Length in bytes, or None for a chunked body, which ends by itself.
    Until `stream` is called it is a small body, all of which must come within seconds.
    """

    def __init__(self, source: _Readable, length: int | None, sock: Any = None) -> None:
        self._source = source
        self._length = length
        self._sock = sock
        self._taken = 0
        self._whole_by: float | None = None
        self._streamed = False
        self.exhausted = length == 0

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes; raises SizeMismatch when the client leaves, stalls or garbles."""
        if self.exhausted:
            return b""
        wanted = size if size >= 0 else PIECE
        try:
            with self._within(self._patience()):
                data = self._source.read(wanted)
        except (OSError, ValueError, StopIteration, ParseException) as error:
            # gunicorn reports bad chunks as ParseException, a stalled client as TimeoutError.
            self._break_off()
            raise SizeMismatch from error
        self._taken += len(data)
        if self._taken == self._length:
            self.exhausted = True
        elif len(data) < wanted:  # gunicorn gives less only at the end
            self.exhausted = True
            if self._length is not None:
                self._break_off()
                raise SizeMismatch
        return data

    def readline(self, size: int = -1) -> bytes:
        raise OSError("this service reads bodies in pieces, not in lines")

    def stream(self, silence_seconds: float) -> None:
        """From now on it is an upload: it may take its time, as long as pieces keep coming."""
        self._streamed = True
        self.allow_silence(silence_seconds)

    def allow_silence(self, seconds: float) -> None:
        """A client that sends nothing for this long has left."""
        if self._sock is not None:
            self._sock.settimeout(seconds)

    def linger(self) -> None:
        """Read and discard what a refused client still sends, within 8 MiB and 5 seconds."""
        deadline = time.monotonic() + _LINGER_SECONDS
        stop = self._taken + _LINGER_BYTES
        self.stream(_LINGER_SECONDS)
        with self._within(_LINGER_SECONDS):
            while not self.exhausted and self._taken < stop and time.monotonic() < deadline:
                try:
                    self.read(PIECE)
                except SizeMismatch:
                    return
        if not self.exhausted:
            self._break_off()

    def _patience(self) -> float:
        """Seconds within which the next read must return."""
        if self._streamed:
            return _PIECE_SECONDS
        now = time.monotonic()
        if self._whole_by is None:
            self._whole_by = now + _SMALL_SECONDS
        return self._whole_by - now

    def _within(self, seconds: float) -> AbstractContextManager[None]:
        return nullcontext() if self._sock is None else _watch.within(self._sock, seconds)

    def _break_off(self) -> None:
        """Nothing more is read, by gunicorn neither: no other request can begin in the middle."""
        self.exhausted = True
        # What gunicorn itself sets when a body fails: it then closes instead of draining.
        self._source.failed = True


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


def wrap(environ: dict[str, Any], silence_seconds: float) -> None:
    """Put an `Inbound` in place of `wsgi.input`. A bad Content-Length never gets here.

    A client that sends, or takes, nothing for `silence_seconds` has left, whatever it asked for.
    """
    chunked = "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()
    length = None if chunked else int(environ.get("CONTENT_LENGTH") or 0)
    body = Inbound(environ["wsgi.input"], length, environ.get("gunicorn.socket"))
    body.allow_silence(silence_seconds)
    environ["wsgi.input"] = body
    environ["wsgi.input_terminated"] = True


def inbound(request: Request) -> Inbound:
    """The request's body as `wrap` put it there."""
    found: Inbound = request.environ["wsgi.input"]
    return found


def raw_pieces(request: Request, silence_seconds: float) -> Iterator[bytes]:
    """The body in pieces of at most 256 KiB."""
    body = inbound(request)
    body.stream(silence_seconds)
    while piece := body.read(PIECE):
        yield piece


def form_parts(request: Request, silence_seconds: float) -> Iterator[Part]:
    """The parts of a multipart/form-data body, in order; a part skipped is read past.

    Raises UnsupportedMediaType, Malformed, HeadersTooLarge, BodyTooLarge, SizeMismatch.
    """
    return _parts(request, raw_pieces(request, silence_seconds))


def small_form_parts(request: Request, max_bytes: int) -> Iterator[Part]:
    """The same of a form that carries no upload: at most `max_bytes` in all, there within seconds.

    Raises what `form_parts` raises.
    """
    return _parts(request, _small_pieces(inbound(request), max_bytes))


def _small_pieces(body: Inbound, max_bytes: int) -> Iterator[bytes]:
    left = max_bytes
    while piece := body.read(left + 1):
        left -= len(piece)
        if left < 0:
            raise BodyTooLarge
        yield piece


def _parts(request: Request, pieces: Iterator[bytes]) -> Iterator[Part]:
    """What is skipped is counted here, where it passes: the reader of a part who gave up has
    closed its pieces.
    """
    events = _events(_parser(request), pieces)
    skipped = 0
    for event in events:
        if isinstance(event, MultipartSegment):
            skipped = 0
            yield Part(event.name or "", event.filename, event.content_type, _payload(events))
        elif event is not None:
            skipped += len(event)
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
