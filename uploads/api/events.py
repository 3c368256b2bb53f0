"""/events: server-sent events (HTML Living Standard, section 9.2) of what happens to documents."""

from __future__ import annotations

import re
from collections.abc import Iterator

import structlog
from flask import Response, json, request

from uploads.api import blueprint
from uploads.api.parsing import invalid, known_members
from uploads.documents.errors import Unavailable
from uploads.documents.model import Scope
from uploads.documents.showing import with_addresses
from uploads.documents.streaming import Beat, Begun, Stream, Told
from uploads.openapi.describing import Answer, Content, described
from uploads.openapi.parameters import LAST_EVENT_ID
from uploads.security.principals import require_actor, services

_AGAIN_MS = 3000
_NUMBER = re.compile(r"[0-9]{1,18}")
_log = structlog.get_logger(__name__)
_STREAM = Content(
    "text/event-stream",
    {
        "type": "string",
        "description": "Events `state` with a Document as data, and a comment now and then. An "
        "event `reset` says that some are no longer known: list the documents anew.",
    },
    'id: 41\nevent: state\ndata: {"id": "doc_01kay5v3m2q8h0c6r9w4x7t1zn", "state": "clean"}\n\n',
)


@blueprint.get("/events")
@described(
    "watch_documents",
    Answer(200, "A stream that does not end by itself.", _STREAM),
    parameters=(LAST_EVENT_ID,),
    scope=Scope.DOCUMENTS_READ,
)
def events() -> Response:
    """What happens to the caller's documents from now on, or from `Last-Event-ID` on."""
    return _answer(None)


@blueprint.get("/documents/<document_id>/events")
@described(
    "watch_document",
    Answer(200, "A stream that ends when the document is settled.", _STREAM),
    parameters=(LAST_EVENT_ID,),
    scope=Scope.DOCUMENTS_READ,
)
def document_events(document_id: str) -> Response:
    """One document: how it stands, and what happens to it until it is settled."""
    return _answer(document_id)


def _answer(document_id: str | None) -> Response:
    actor = require_actor(Scope.DOCUMENTS_READ)
    known_members(request)
    stream = services().streams.open(actor, _last_seen(), document_id)
    response = Response(_text(stream, services().settings.public_url))
    response.call_on_close(stream.close)
    response.headers["Content-Type"] = "text/event-stream; charset=utf-8"
    response.headers["Cache-Control"] = "no-store"
    # A proxy in front hands each event on as it comes.
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _last_seen() -> int | None:
    given = request.headers.get("Last-Event-ID", "")
    if given and not _NUMBER.fullmatch(given):
        raise invalid(("Last-Event-ID", "the id of an event of this service"))
    return int(given) if given else None


def _text(stream: Stream, base_url: str) -> Iterator[str]:
    """The stream as it goes over the line. Where the database is away it ends: come again."""
    try:
        for told in stream:
            yield _said(told, base_url)
    except Unavailable as error:
        _log.warning("stream_ended", cause=error.cause)


def _said(told: Told, base_url: str) -> str:
    if isinstance(told, Beat):
        return ":\n\n"
    if isinstance(told, Begun):
        # Without data: it only sets the id from which to go on. Where events are gone since then,
        # the client is told to read the list anew.
        lost = "" if told.whole else "event: reset\ndata: {}\n"
        return f"retry: {_AGAIN_MS}\nid: {told.number}\n{lost}\n"
    data = json.dumps(with_addresses(told.facts, base_url))
    return f"id: {told.number}\nevent: state\ndata: {data}\n\n"
