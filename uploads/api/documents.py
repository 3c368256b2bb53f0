"""/documents: upload, list, look at, wait for, fetch, delete."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from flask import Request, Response, jsonify, request
from pydantic.json_schema import SkipJsonSchema

from uploads import bodies, receipts
from uploads.api import blueprint
from uploads.api.json_bodies import Body, Time, read_body
from uploads.api.parsing import (
    expected_digest,
    invalid,
    known_members,
    media_type,
    moment,
    number,
    page_of,
    raw_offer,
)
from uploads.api.rendering import created
from uploads.documents import errors
from uploads.documents.intake import Offer
from uploads.documents.model import Document, Scope, State
from uploads.documents.showing import document_json
from uploads.faults import step
from uploads.idempotency import HEADER, repeats_itself
from uploads.openapi.describing import Answer, described
from uploads.openapi.parameters import (
    DISPOSITION,
    NAME,
    PAGE,
    QUERY,
    REPR_DIGEST,
    STATE,
    TYPE,
    WAIT,
)
from uploads.openapi.requests import FORM, RAW, REFUSALS
from uploads.openapi.shapes import Document as Shown
from uploads.openapi.shapes import DocumentPage
from uploads.records.protocol import DocumentFilter
from uploads.redirects import to_signed, told_of
from uploads.security.csrf import check_header
from uploads.security.principals import present, require_actor, services

_TOLD = ("Content-Length", "Content-Disposition", "Accept-Ranges", "Repr-Digest")


@blueprint.post("/documents")
@described(
    "upload_document",
    Answer(202, "It is kept in quarantine and will be inspected.", Shown, headers=("Location",)),
    takes=(FORM, RAW),
    parameters=(NAME, DISPOSITION, REPR_DIGEST),
    problems=(
        *REFUSALS,
        errors.Backlog,
        errors.DigestMismatch,
        errors.SizeMismatch,
        errors.Conflict,
    ),
    scope=Scope.DOCUMENTS_WRITE,
)
@repeats_itself
def upload() -> Response:
    """Take one file, as the only part of a form or as the raw body."""
    actor = require_actor(Scope.DOCUMENTS_WRITE)
    check_header()
    asked = present()
    known_members(asked, NAME)
    key = asked.headers.get(HEADER)
    if key is None:
        response = accepted(services().intake.accept(actor, *_file(asked)))
    else:
        response = receipts.accept_once(actor, key, partial(_file, asked), accepted)
    step("s6")
    return response


def _file(asked: Request) -> tuple[Offer, Iterator[bytes]]:
    """What is said of the file, and its bytes as they come."""
    silence = services().settings.body_seconds
    if media_type(asked.headers.get("Content-Type")) != "multipart/form-data":
        return raw_offer(asked), bodies.raw_pieces(asked, silence)
    part = bodies.sole_file(asked, silence)
    declared = media_type(part.content_type)
    expected = expected_digest(asked)
    return Offer(part.filename, declared, expected, at_least=part.at_least), part.pieces


def accepted(document: Document) -> Response:
    """The answer that a file was taken."""
    members = document_json(document, services().settings.public_url)
    return created(members, "202 ACCEPTED", f"/api/v1/documents/{document.id}")


@blueprint.get("/documents")
@described(
    "list_documents",
    Answer(200, "A page of them.", DocumentPage),
    parameters=(*PAGE, STATE, TYPE, QUERY),
    scope=Scope.DOCUMENTS_READ,
)
def list_documents() -> Response:
    """The caller's documents, newest first."""
    actor = require_actor(Scope.DOCUMENTS_READ)
    limit, cursor = page_of(request, STATE, TYPE, QUERY)
    try:
        states = {State(name) for name in request.args.getlist("state")}
    except ValueError as error:
        raise invalid(("state", "one of " + ", ".join(State))) from error
    chosen = DocumentFilter(states, request.args.get("type"), request.args.get("q"))
    page, cursor = services().library.list(actor, chosen, limit, cursor)
    base = services().settings.public_url
    return jsonify(items=[document_json(one, base) for one in page], next_cursor=cursor)


@blueprint.get("/documents/<document_id>")
@described(
    "show_document",
    Answer(200, "The document as it stands.", Shown),
    parameters=(WAIT,),
    scope=Scope.DOCUMENTS_READ,
)
def show(document_id: str) -> Response:
    """One document; with `?wait=` seconds, at its next change or when it is settled."""
    actor = require_actor(Scope.DOCUMENTS_READ)
    known_members(request, WAIT)
    seconds = number(request, WAIT)
    return _answer(services().library.wait(actor, document_id, seconds))


class DocumentChange(Body):
    """What is to be changed; absent members stay as they are, no `expires_at` is null."""

    name: str | SkipJsonSchema[None] = None
    expires_at: Time | None = None


@blueprint.patch("/documents/<document_id>")
@described(
    "change_document",
    Answer(200, "The document as it is now.", Shown),
    takes=(DocumentChange,),
    problems=(errors.Gone, errors.Conflict),
    scope=Scope.DOCUMENTS_WRITE,
)
def change(document_id: str) -> Response:
    """Give it another name, which must fit its type, or another end."""
    actor = require_actor(Scope.DOCUMENTS_WRITE)
    check_header()
    known_members(request)
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
@described(
    "delete_document",
    Answer(204, "It is deleted, or was before."),
    scope=Scope.DOCUMENTS_WRITE,
)
def delete(document_id: str) -> Response:
    """Turn it into a tombstone, which stays for a while; its bytes go."""
    actor = require_actor(Scope.DOCUMENTS_WRITE)
    check_header()
    known_members(request)
    services().library.delete(actor, document_id)
    return Response(status=204)


# Above GET, whose rule takes HEAD as well.
@blueprint.route("/documents/<document_id>/content", methods=["HEAD"])
@described(
    "look_at_content",
    Answer(200, "These are its bytes.", headers=_TOLD),
    problems=(errors.NotClean, errors.Gone),
    scope=Scope.DOCUMENTS_READ,
)
def content_headers(document_id: str) -> Response:
    """Tell length, type, name and digest of the bytes, without a redirect."""
    actor = require_actor(Scope.DOCUMENTS_READ)
    known_members(request)
    return told_of(services().access.look(actor, document_id))


@blueprint.get("/documents/<document_id>/content")
@described(
    "fetch_document",
    Answer(302, "It is there, for a minute.", headers=("Location",)),
    problems=(errors.NotClean, errors.Gone),
    scope=Scope.DOCUMENTS_READ,
)
def content(document_id: str) -> Response:
    """Redirect to a signed address of the bytes, which are always sent as an attachment."""
    actor = require_actor(Scope.DOCUMENTS_READ)
    known_members(request)
    return to_signed(services().access.download_url(actor, document_id))


@blueprint.get("/documents/<document_id>/renditions/<name>")
@described(
    "fetch_rendition",
    Answer(302, "It is there, for a while.", headers=("Location",)),
    problems=(errors.NotClean, errors.Gone),
    scope=Scope.DOCUMENTS_READ,
)
def rendition(document_id: str, name: str) -> Response:
    """Redirect to one of its pictures on the content host."""
    actor = require_actor(Scope.DOCUMENTS_READ)
    known_members(request)
    return to_signed(services().access.rendition_url(actor, document_id, name))


def _answer(document: Document) -> Response:
    return jsonify(document_json(document, services().settings.public_url))
