"""Redirects to addresses that are credentials for as long as they live.

Such an address is signed for GET, and a store refuses it to HEAD. So HEAD is told here what stands
there.
"""

from __future__ import annotations

import base64

from flask import Response, redirect

from uploads.documents.access import attachment, served_type
from uploads.documents.kinds import ACTIVE
from uploads.documents.model import Document


def to_signed(url: str) -> Response:
    """Redirect to a signed address, which stands in the Location header and nowhere else."""
    response = redirect(url, 302, Response=Response)
    # The page that werkzeug puts under a redirect would repeat the address.
    response.set_data(b"")
    assert isinstance(response, Response)
    return response


def told_of(document: Document) -> Response:
    """The headers of a document's bytes, without a body; its entity-tag is the store's to give."""
    response = Response(content_type=served_type(document.type))
    response.content_length = document.size
    headers = response.headers
    headers["Content-Disposition"] = attachment(document)
    # What is active comes from the content host, and whole.
    headers["Accept-Ranges"] = "none" if document.type in ACTIVE else "bytes"
    if document.sha256 is not None:
        digest = base64.b64encode(bytes.fromhex(document.sha256)).decode()
        headers["Repr-Digest"] = f"sha-256=:{digest}:"
    return response
