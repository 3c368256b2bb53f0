"""The content host: what is served by token. No cookies, no keys, no sign-in are known here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

from flask import Blueprint, Response

from uploads.documents import errors
from uploads.documents.access import attachment, served_type
from uploads.openapi.describing import Answer, Content, described
from uploads.security.hosts import CONTENT
from uploads.security.principals import services

blueprint = Blueprint(CONTENT, __name__)
BYTES = Content("*/*", {"description": "The bytes."})
_LOST = (errors.NotFound, errors.Gone, errors.NotClean)


@blueprint.get("/renditions/<token>")
@described(
    "send_rendition",
    Answer(200, "The picture.", BYTES, headers=("Content-Disposition",)),
    problems=_LOST,
    public=True,
)
def rendition(token: str) -> Response:
    """Stream one rendition; the document's state is checked at each use."""
    stack = ExitStack()
    found, pieces = stack.enter_context(services().access.open_rendition(token))
    response = Response(_closing(stack, pieces), mimetype=found.type)
    response.content_length = found.size
    response.headers["Cache-Control"] = "private, max-age=300"
    response.headers["Content-Disposition"] = "inline"
    return response


@blueprint.get("/downloads/<token>")
@described(
    "send_document",
    Answer(200, "The file.", BYTES, headers=("Content-Disposition",)),
    problems=_LOST,
    public=True,
)
def download(token: str) -> Response:
    """Stream one document that no browser may show; the state is checked at each use."""
    stack = ExitStack()
    found, pieces = stack.enter_context(services().access.open_download(token))
    response = Response(_closing(stack, pieces), content_type=served_type(found.type))
    response.content_length = found.size
    response.headers["Content-Disposition"] = attachment(found)
    return response


def _closing(stack: ExitStack, pieces: Iterator[bytes]) -> Iterator[bytes]:
    with stack:
        yield from pieces
