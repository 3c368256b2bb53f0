"""What a request says about itself that would let it be read in two ways."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Request

from uploads.documents.errors import Misdirected, UnsupportedMediaType


def check_target(asked: Request) -> None:
    """Raises Misdirected where the request target names another host than the Host field.

    A target in absolute form overrules Host (RFC 9112 section 3.2.2), so whoever believes only
    one of the two can be led astray. Ours must agree; then either may be believed.
    """
    target = asked.environ.get("RAW_URI", "")
    if target.startswith("/") or target in {"", "*"}:
        return
    try:
        authority = urlsplit(target).netloc
    except ValueError as error:
        raise Misdirected from error
    if authority.lower() != asked.headers.get("Host", "").lower():
        raise Misdirected


def check_coding(asked: Request) -> None:
    """Raises UnsupportedMediaType for a body in a content coding (RFC 9110 section 8.4).

    It would be kept, hashed and inspected as it came, and be something else to whoever reads it.
    """
    coding = asked.environ.get("HTTP_CONTENT_ENCODING", "").strip().lower()
    if coding not in {"", "identity"}:
        raise UnsupportedMediaType(
            "Bodies are read as they are, without Content-Encoding. Send the file itself, not "
            "compressed."
        )
