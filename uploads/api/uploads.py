"""/uploads: grants by signed URL, their parts, their completion and their end."""

from __future__ import annotations

from typing import Annotated, Literal

from flask import Response, jsonify, request
from pydantic import Field

from uploads.api import blueprint
from uploads.api.json_bodies import Body, Nothing, read_body
from uploads.api.parsing import invalid, known_members, media_type
from uploads.api.rendering import created, grant_json, signed_json
from uploads.documents import errors
from uploads.documents.granting import Given
from uploads.documents.grants import MOST_PARTS, GrantMethod, GrantState
from uploads.documents.intake import Offer
from uploads.documents.model import Actor, Scope
from uploads.documents.model import Document as Completed
from uploads.documents.receipts import Keep
from uploads.documents.showing import document_json
from uploads.idempotency import Once, idempotent
from uploads.openapi.describing import Answer, described
from uploads.openapi.requests import CLAIMS, REFUSALS
from uploads.openapi.shapes import Document, Parts, Upload
from uploads.security.csrf import check_header
from uploads.security.principals import present, require_actor, services
from uploads.security.upload_limits import charge_grant

_LARGEST = 2**63 - 1
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
PartNumber = Annotated[int, Field(ge=1, le=MOST_PARTS)]
OVER = (errors.Conflict, errors.Gone, errors.UploadExpired)


class UploadRequest(Body):
    """What a client says of the file that it is going to send; `size` in bytes."""

    name: str
    size: Annotated[int, Field(ge=0, le=_LARGEST)]
    type: str | None = None
    sha256: Sha256 | None = None
    method: Literal["put", "multipart", "auto"] = "auto"


class PartsRequest(Body):
    """Numbers of the parts for which fresh requests are wanted."""

    numbers: Annotated[list[PartNumber], Field(min_length=1, max_length=1000)]


class CompletionRequest(Nothing):
    """The digest that was not known yet when the upload was asked for."""

    sha256: Sha256 | None = None


@blueprint.post("/uploads")
@described(
    "create_upload",
    Answer(201, "The file may be put into the store.", Upload, headers=("Location",)),
    takes=(UploadRequest,),
    problems=(*CLAIMS, errors.Backlog, errors.StoreUnproved),
    scope=Scope.DOCUMENTS_WRITE,
)
@idempotent
def create_upload() -> Once[Given]:
    """Judge a file by what is said of it, and grant it signed requests.

    503 with `part: storage` and `Retry-After: 600` while the store is not proved to hold clients to
    what is signed: send the file to `/documents` then.
    """
    actor = writer()
    asked = read_body(present(), UploadRequest)
    offer = Offer(asked.name, media_type(asked.type), asked.sha256, asked.size)
    method = None if asked.method == "auto" else GrantMethod(asked.method)

    def give(keep: Keep[Given]) -> Given:
        given = services().granting.give(actor, offer, asked.size, method, keep)
        charge_grant(asked.size)
        return given

    return Once(give, _granted)


def _granted(given: Given) -> Response:
    members = grant_json(given.grant, GrantState.OPEN, given.requests, {})
    return created(members, "201 CREATED", f"/api/v1/uploads/{given.grant.id}")


@blueprint.get("/uploads/<upload_id>")
@described(
    "show_upload",
    Answer(200, "The upload as it stands.", Upload),
    scope=Scope.DOCUMENTS_WRITE,
)
def show_upload(upload_id: str) -> Response:
    """The grant as it stands, with what has arrived and, while it is open, fresh requests.

    While the store is not proved to hold clients to what is signed there are no requests.
    """
    actor = require_actor(Scope.DOCUMENTS_WRITE)
    known_members(request)
    granting = services().granting
    grant = granting.get(actor, upload_id)
    state = granting.state(grant)
    # What has arrived is told also where nothing may be signed.
    signs = state is GrantState.OPEN and granting.may_sign()
    signed = granting.requests(grant) if signs else []
    return jsonify(grant_json(grant, state, signed, granting.received(grant)))


@blueprint.post("/uploads/<upload_id>/parts")
@described(
    "sign_parts",
    Answer(200, "Requests that are good for some minutes.", Parts),
    takes=(PartsRequest,),
    problems=(*OVER, errors.StoreUnproved),
    scope=Scope.DOCUMENTS_WRITE,
)
def sign_parts(upload_id: str) -> Response:
    """Fresh requests for some parts; a grant by one PUT has part 1.

    503 with `part: storage` while the store is not proved: what has arrived can be completed.
    """
    actor = writer()
    numbers = read_body(request, PartsRequest).numbers
    grant = services().granting.get(actor, upload_id)
    wrong = [n for n, number in enumerate(numbers) if not 1 <= number <= grant.part_count]
    if wrong:
        detail = f"a number from 1 to {grant.part_count}"
        raise invalid(*((f"/numbers/{place}", detail) for place in wrong[:20]))
    signed = services().granting.requests(grant, numbers)
    return jsonify(parts=[{"number": one.number, "request": signed_json(one)} for one in signed])


@blueprint.post("/uploads/<upload_id>/complete")
@described(
    "complete_upload",
    Answer(202, "It is a document, and will be inspected.", Document, headers=("Location",)),
    takes=(CompletionRequest,),
    optional=True,
    problems=(*REFUSALS, *OVER, errors.Incomplete, errors.SizeMismatch),
    scope=Scope.DOCUMENTS_WRITE,
)
@idempotent
def complete_upload(upload_id: str) -> Once[Completed]:
    """Make the document, at once for any size; inspection follows.

    A `sha256` is a promise as in `POST /uploads`: 422 where another one, or none, was given before.
    """
    actor = writer()
    promised = read_body(present(), CompletionRequest).sha256
    complete = services().completion.complete
    return Once(lambda keep: complete(actor, upload_id, promised, keep), _completed)


def _completed(document: Completed) -> Response:
    members = document_json(document, services().settings.public_url)
    return created(members, "202 ACCEPTED", f"/api/v1/documents/{document.id}")


@blueprint.delete("/uploads/<upload_id>")
@described(
    "abort_upload",
    Answer(204, "It is ended, or was before."),
    problems=(errors.Conflict,),
    scope=Scope.DOCUMENTS_WRITE,
)
def abort_upload(upload_id: str) -> Response:
    """End it; its room is back at once."""
    services().granting.abort(writer(), upload_id)
    return Response(status=204)


def writer() -> Actor:
    """Who may send files, by a request whose address asks for nothing more."""
    actor = require_actor(Scope.DOCUMENTS_WRITE)
    check_header()
    known_members(present())
    return actor
