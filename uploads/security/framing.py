"""What a request says about itself that would let it be read in two ways."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes, urlsplit

from flask import Request

from uploads.documents.errors import Malformed, Misdirected, NotFound, UnsupportedMediaType


def check_target(asked: Request) -> None:
    """Raises Misdirected where the request target names another host than the Host field.

    A target in absolute form overrules Host (RFC 9112 section 3.2.2), so whoever believes only
    one of the two can be led astray. Ours must agree; then either may be believed. Raises NotFound
    for a path that begins with two slashes: Werkzeug would drop one, a proxy's rules do not.
    """
    target = asked.environ.get("RAW_URI", "")
    if target.startswith("//"):
        raise NotFound
    if target.startswith("/") or target in {"", "*"}:
        return
    try:
        authority = urlsplit(target).netloc
    except ValueError as error:
        raise Misdirected from error
    if authority.lower() != asked.headers.get("Host", "").lower():
        raise Misdirected


def check_query(asked: Request) -> None:
    """Raises Malformed for a query string that is not UTF-8: it could be guessed at, not read."""
    query = asked.environ.get("QUERY_STRING", "")
    if "%" not in query and query.isascii():
        return
    try:
        unquote_to_bytes(query.encode("latin-1")).decode()
    except UnicodeError as error:
        raise Malformed("The query string is not UTF-8. Correct it and send it again.") from error


def check_coding(asked: Request) -> None:
    """Raises for a body in a coding: it would be kept, hashed and inspected as it came, and be
    something else to whoever reads it.

    UnsupportedMediaType for a content coding (RFC 9110 section 8.4), Malformed for a transfer
    coding beside `chunked` (RFC 9112 section 6.1), which gunicorn lets pass and does not undo.
    """
    transfer = asked.environ.get("HTTP_TRANSFER_ENCODING", "")
    if transfer and transfer.strip().lower() != "chunked":
        raise Malformed("Of transfer codings only `chunked` is read. Send the file as it is.")
    coding = asked.environ.get("HTTP_CONTENT_ENCODING", "").strip().lower()
    if coding not in {"", "identity"}:
        raise UnsupportedMediaType(
            "Bodies are read as they are, without Content-Encoding. Send the file itself, not "
            "compressed."
        )
