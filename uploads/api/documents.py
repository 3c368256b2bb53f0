"""/documents: upload, list, look at, wait for, fetch, delete."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Response, jsonify, request

from uploads import bodies, receipts
from uploads.api import blueprint
from uploads.api.json_bodies import Body, read_body
from uploads.api.parsing import (
    expected_digest,
    invalid,
    known_members,
    media_type,
    moment,
    number,
    raw_offer,
)
from uploads.documents.intake import Offer
from uploads.documents.model import Document, Scope, State
from uploads.documents.showing import document_json
from uploads.faults import step
from uploads.idempotency import HEADER
from uploads.records.protocol import DocumentFilter
from uploads.redirects import to_signed
from uploads.security.csrf import check_header
from uploads.security.principals import require_actor, services


@blueprint.post("/documents")
def upload() -> Response:
    """Take one file, as the only part of a form or as the raw body."""
    actor = require_actor(Scope.DOCUMENTS_WRITE)
    check_header()
    known_members(request, {"name"})
    key = request.headers.get(HEADER)
    if key is None:
        response = _accepted(services().intake.accept(actor, *_file()))
    else:
        response = receipts.accept_once(actor, key, _file, _accepted)
    step("s6")
    return response


def _file() -> tuple[Offer, Iterator[bytes]]:
    """What is said of the file, and its bytes as they come."""
    silence = services().settings.body_seconds
    if media_type(request.headers.get("Content-Type")) != "multipart/form-data":
        return raw_offer(request), bodies.raw_pieces(request, silence)
    part = bodies.sole_file(request, silence)
    declared = media_type(part.content_type)
    return Offer(part.filename, declared, expected_sha256=expected_digest(request)), part.pieces


def _accepted(document: Document) -> Response:
    response = _answer(document)
    response.status_code = 202
    response.headers["Location"] = f"/api/v1/documents/{document.id}"
    return response


@blueprint.get("/documents")
def list_documents() -> Response:
    """The caller's documents, newest first."""
    actor = require_actor(Scope.DOCUMENTS_READ)
    known_members(request, {"limit", "cursor", "state", "type", "q"})
    try:
        states = {State(name) for name in request.args.getlist("state")}
    except ValueError as error:
        raise invalid(("state", "one of " + ", ".join(State))) from error
    chosen = DocumentFilter(states, request.args.get("type"), request.args.get("q"))
    limit = number(request, "limit", 50, 1, 200)
    page, cursor = services().library.list(actor, chosen, limit, request.args.get("cursor"))
    base = services().settings.public_url
    return jsonify(items=[document_json(one, base) for one in page], next_cursor=cursor)


@blueprint.get("/documents/<document_id>")
def show(document_id: str) -> Response:
    """One document; with `?wait=` seconds, at its next change or when it is settled."""
    actor = require_actor(Scope.DOCUMENTS_READ)
    known_members(request, {"wait"})
    seconds = number(request, "wait", 0, 0, 30)
    return _answer(services().library.wait(actor, document_id, seconds))


class DocumentChange(Body):
    """What is to be changed; absent members stay as they are, no `expires_at` is null."""

    name: str | None = None
    expires_at: str | None = None


@blueprint.patch("/documents/<document_id>")
def change(document_id: str) -> Response:
    """Another name, another end."""
    actor = require_actor(Scope.DOCUMENTS_WRITE)
    check_header()
    known_members(request, ())
    asked = read_body(request, DocumentChange)
    wanted: dict[str, Any] = {}
    if "name" in asked.model_fields_set:
        if asked.name is None:
            raise invalid(("/name", "not null; leave it out to keep it"))
        wanted["name"] = asked.name
    if "expires_at" in asked.model_fields_set:
        wanted["expires_at"] = moment(asked.expires_at, "/expires_at")
    return _answer(services().changing.change(actor, document_id, wanted))


@blueprint.delete("/documents/<document_id>")
def delete(document_id: str) -> Response:
    """Turn it into a tombstone."""
    actor = require_actor(Scope.DOCUMENTS_WRITE)
    check_header()
    services().library.delete(actor, document_id)
    return Response(status=204)


@blueprint.get("/documents/<document_id>/content")
def content(document_id: str) -> Response:
    """Redirect to a store URL that lives at most a minute."""
    actor = require_actor(Scope.DOCUMENTS_READ)
    return to_signed(services().access.download_url(actor, document_id))


@blueprint.get("/documents/<document_id>/renditions/<name>")
def rendition(document_id: str, name: str) -> Response:
    """Redirect to the content host."""
    actor = require_actor(Scope.DOCUMENTS_READ)
    return to_signed(services().access.rendition_url(actor, document_id, name))


def _answer(document: Document) -> Response:
    return jsonify(document_json(document, services().settings.public_url))
