"""Request bodies as streams: counted, bounded, never spooled.

A door asks for the raw pieces of a body or for the parts of a multipart/form-data one (RFC 7578),
parsed by the `multipart` package's push parser. After an early refusal the rest is read and
thrown away for a while, so that a browser gets to see the sentence and not a reset.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import Request
from multipart import (
    MultipartError,
    MultipartSegment,
    ParserLimitReached,
    parse_options_header,
)

from uploads.deadlines import Line, Pace
from uploads.delimited import Parser, framed, says_twice
from uploads.documents.errors import (
    BodyTooLarge,
    HeadersTooLarge,
    Invalid,
    Malformed,
    SizeMismatch,
    UnsupportedMediaType,
)
from uploads.inbound import Inbound
from uploads.searching import holds

_FIELD_BYTES = 64 * 1024
_SKIP_BYTES = 128 * 1024 * 1024
_PARTS = 64
BROKEN = (BodyTooLarge, HeadersTooLarge, Malformed, SizeMismatch)
"""Raised by a form itself: nothing more of it can be read."""
_PART_HEADER_BYTES = 8 * 1024
_BOUNDARY_CHARS = 70  # RFC 2046 section 5.1.1
_LONGEST_END = len(b"\r\n----\r\n") + _BOUNDARY_CHARS
_CODINGS = ("Content-Transfer-Encoding", "Content-Encoding")
_UNCODED = frozenset({"7bit", "8bit", "binary", "identity"})  # RFC 2045 section 6.2, RFC 9110


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a form: `filename` is None for a plain field. Nothing of it is trusted.

    `at_least` is how many bytes it has where the form is taken whole, and nearly all of them.
    """

    field: str
    filename: str | None
    content_type: str | None
    pieces: Iterator[bytes]
    at_least: int = 0

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


def whole(request: Request) -> bytes:
    """A small body as it is. Raises Malformed where it ends early, and BodyTooLarge."""
    try:
        return request.get_data()
    except SizeMismatch as error:
        raise Malformed("The body did not arrive whole. Send the request again.") from error


def wrap(environ: dict[str, Any], pace: Pace | None = None) -> None:
    """Put an `Inbound` in place of `wsgi.input`. A bad Content-Length never gets here.

    An upload that comes more slowly than `pace` is given up.
    """
    chunked = "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()
    length = None if chunked else int(environ.get("CONTENT_LENGTH") or 0)
    sock = environ.get("gunicorn.socket")
    line = sock if isinstance(sock, Line) else None
    environ["wsgi.input"] = Inbound(environ["wsgi.input"], length, line, pace)
    environ["wsgi.input_terminated"] = True


def inbound(request: Request) -> Inbound:
    """The request's body as `wrap` put it there."""
    found: Inbound = request.environ["wsgi.input"]
    return found


def raw_pieces(request: Request, silence_seconds: float) -> Iterator[bytes]:
    """The body in pieces of at most 1 MiB, each as soon as it has come."""
    body = inbound(request)
    body.stream(silence_seconds)
    # Whoever waits for the next piece must not keep the last one: there are thousands of them.
    return iter(body.piece, b"")


def form_parts(
    request: Request, silence_seconds: float, *, most: int = _PARTS, max_bytes: int | None = None
) -> Iterator[Part]:
    """The parts of a multipart/form-data body, in order; a part skipped is read past.

    At most so many, and of so many bytes in all. Raises UnsupportedMediaType, Malformed,
    HeadersTooLarge, BodyTooLarge, SizeMismatch.
    """
    pieces = raw_pieces(request, silence_seconds)
    if max_bytes is not None:
        pieces = _at_most(pieces, inbound(request).left, max_bytes)
    return _parts(request, pieces, most)


def _at_most(pieces: Iterator[bytes], announced: int, max_bytes: int) -> Iterator[bytes]:
    """Raises BodyTooLarge; of a body that says beforehand that it is, nothing is read."""
    left = max_bytes
    if announced > max_bytes:
        raise BodyTooLarge
    for piece in pieces:
        left -= len(piece)
        if left < 0:
            raise BodyTooLarge
        yield piece
        del piece  # nobody keeps a piece while waiting for the next


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


def _parts(request: Request, pieces: Iterator[bytes], most: int = _PARTS) -> Iterator[Part]:
    """What is skipped is counted here, where it passes: the reader of a part who gave up has
    closed its pieces.
    """
    events = _events(_boundary(request), pieces, most)
    skipped = 0
    for event in events:
        if isinstance(event, MultipartSegment):
            skipped = 0
            _check_part(event)
            yield Part(event.name or "", event.filename, event.content_type, _payload(events))
        elif event is not None:
            skipped += len(event)
            if skipped > _SKIP_BYTES:
                raise BodyTooLarge


def _check_part(segment: MultipartSegment) -> None:
    """Raises Malformed for what comes twice, of which others may believe the other one,
    and UnsupportedMediaType for a coded part: nobody undoes it (RFC 7578 section 4.7).
    """
    names = [name.lower() for name, _ in segment.headerlist]
    if len(set(names)) < len(names):
        raise Malformed("A part of the form has a header twice. Send it with each once.")
    if says_twice(segment.header("Content-Disposition")):
        raise Malformed("A part of the form says its name twice. Send it with each word once.")
    for name in _CODINGS:
        if (segment.header(name) or "binary").strip().lower() not in _UNCODED:
            raise UnsupportedMediaType(
                "Parts of a form are read as they are, without an encoding. Send the file itself."
            )


def sole_file(request: Request, silence_seconds: float, field: str = "file") -> Part:
    """The one file part of a form that has nothing else.

    Its pieces end only when the whole body was read and held nothing more, so whoever commits
    after the last piece commits the whole form. Raises Invalid for any other form.
    """
    parts = form_parts(request, silence_seconds)
    first = next(parts, None)
    if first is None or first.field != field or first.filename is None:
        raise _not_one_file(field)
    # Behind the file only the form's end is let through. What came with the part's header is not
    # counted: the parser holds it.
    at_least = max(0, inbound(request).left - _LONGEST_END)
    pieces = _through(first, parts)
    return Part(first.field, first.filename, first.content_type, pieces, at_least)


def _through(first: Part, rest: Iterator[Part]) -> Iterator[bytes]:
    yield from first.pieces
    for _ in rest:
        raise _not_one_file(first.field)


def _not_one_file(field: str) -> Invalid:
    return Invalid(
        f"The form must have exactly one part, a file named `{field}`. Send one file a request.",
        errors=[{"pointer": field, "detail": "exactly one file part is expected"}],
    )


def _boundary(request: Request) -> bytes:
    header = request.headers.get("Content-Type", "")
    kind, options = parse_options_header(header)
    if kind != "multipart/form-data":
        raise UnsupportedMediaType
    boundary = str(options.get("boundary", "")).encode()
    if not 0 < len(boundary) <= _BOUNDARY_CHARS or says_twice(header):
        raise Malformed("The form has no usable boundary. Let your client make the Content-Type.")
    return boundary


def _events(boundary: bytes, pieces: Iterator[bytes], most: int) -> Iterator[Any]:
    parser = Parser(
        boundary,
        max_header_size=_PART_HEADER_BYTES,
        max_segment_count=most,
        strict=True,
    )
    delimiter = b"\r\n--" + boundary
    # Whether a part goes on of which the parser neither counts nor holds back anything: what is
    # payload for certain need not pass through it then.
    free = aside = False
    try:
        for piece in framed(boundary, pieces):
            if aside and _is_payload(piece, delimiter):
                yield piece
            else:
                for event in parser.parse(piece):
                    free = _is_free(event, free)
                    yield event
                    del event
                aside = free and len(piece) >= len(delimiter) and not _may_begin(piece, delimiter)
            del piece  # nobody keeps a piece while waiting for the next
        parser.close()
    except ParserLimitReached as error:
        raise HeadersTooLarge("The form has too many parts or headers. Send less.") from error
    except (MultipartError, ValueError) as error:
        raise Malformed(
            "The form could not be read: it is cut off or not multipart/form-data. Send it again."
        ) from error


def _is_free(event: Any, before: bool) -> bool:
    """Whether a part that may have any length goes on after this event, where `before` one did."""
    if isinstance(event, MultipartSegment):
        return event.header("Content-Length") is None  # the parser counts the bytes of others
    return before and event is not None


def _is_payload(piece: bytes, delimiter: bytes) -> bool:
    """Whether no delimiter is in it, nor begins in it."""
    return not holds(piece, delimiter) and not _may_begin(piece, delimiter)


def _may_begin(piece: bytes, delimiter: bytes) -> bool:
    """Whether it ends with what may be the beginning of a delimiter."""
    at = piece.rfind(b"\r", max(0, len(piece) - len(delimiter) + 1))
    return at >= 0 and delimiter.startswith(piece[at:])


def _payload(events: Iterator[Any]) -> Iterator[bytes]:
    for event in events:
        if event is None:
            return
        yield event
        del event  # nobody keeps a piece while waiting for the next
