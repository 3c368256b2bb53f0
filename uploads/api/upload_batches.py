"""/upload-batches: what `/uploads` does, for many files of one PUT each in one request.

A request costs more than a grant does, so who sends many files asks for them together. Each file is
judged, counted and recorded by itself, as if it had been asked for alone; what is refused is told
in its place. Where nothing at all can be done since a part of the service is away, all is refused.
"""

from __future__ import annotations

from typing import Annotated, Any

from flask import Response, json, jsonify
from pydantic import Field

from uploads.api import blueprint
from uploads.api.json_bodies import Body, read_body
from uploads.api.parsing import media_type
from uploads.api.rendering import each_told, grant_json
from uploads.api.uploads import OVER, Sha256, writer
from uploads.documents import errors
from uploads.documents.granting import Given
from uploads.documents.grants import PUT_UP_TO, GrantMethod, GrantState
from uploads.documents.intake import Offer
from uploads.documents.model import Scope
from uploads.documents.receipts import Keep, keep_nothing
from uploads.documents.showing import document_json
from uploads.idempotency import HEADER, REPLAYED, Once, check_key, each_once, repeats_itself
from uploads.openapi.batch_shapes import CompletedFiles, GrantedFiles
from uploads.openapi.describing import Answer, described
from uploads.openapi.requests import CLAIMS, MOST_FILES, REFUSALS
from uploads.security.principals import present, services
from uploads.security.upload_limits import charge_grant, enter_another
from uploads.side_by_side import each_of

# What one request has under way at a time: of commits, and of questions to the store.
_AT_ONCE = 8


class FileClaims(Body):
    """What a client says of a file that it is going to send with one PUT; `size` in bytes."""

    name: str
    size: Annotated[int, Field(ge=0, le=PUT_UP_TO)]
    type: str | None = None
    sha256: Sha256 | None = None


class BatchRequest(Body):
    """The files for which grants are asked."""

    uploads: Annotated[list[FileClaims], Field(min_length=1, max_length=MOST_FILES)]


class UploadToComplete(Body):
    """An upload, and the digest that was not known yet when it was asked for."""

    id: str
    sha256: Sha256 | None = None


class BatchCompletion(Body):
    """The uploads whose bytes are there."""

    uploads: Annotated[list[UploadToComplete], Field(min_length=1, max_length=MOST_FILES)]


@blueprint.post("/upload-batches")
@described(
    "create_uploads",
    Answer(200, "Each may be put into the store, or says why not.", GrantedFiles),
    takes=(BatchRequest,),
    problems=(*CLAIMS, errors.Backlog, errors.StoreUnproved),
    scope=Scope.DOCUMENTS_WRITE,
)
@repeats_itself
def create_uploads() -> Response:
    """Judge up to 50 files by what is said of them, and grant each a signed PUT.

    Each is an upload to every limit, and asks for the bytes of those before it. Where not all of
    them are within the limits none is granted (429, and 422 where so many, or so much, never is);
    every other refusal is of one file, in the place of its grant. Files of more than 64 MiB are
    asked for one by one. Under an Idempotency-Key the file in the same place is granted once.
    """
    actor, granting = writer(), services().granting
    key = present().headers.get(HEADER)
    if key is not None:
        check_key(key)
    files = read_body(present(), BatchRequest).uploads
    if len(files) > 1:
        # The last one may end in debt, as a single one may, and none before it.
        enter_another(actor, len(files) - 1, sum(one.size for one in files[:-1]) + 1)
    granted, replays = list[int](), list[int]()

    def grant(place: int) -> dict[str, Any]:
        one = files[place]
        offer = Offer(one.name, media_type(one.type), one.sha256, one.size)

        def give(keep: Keep[Given]) -> Given:
            given = granting.give(actor, offer, one.size, GrantMethod.PUT, keep)
            granted.append(one.size)
            return given

        if key is None:
            return {"upload": _grant_json(give(keep_nothing))}
        said = json.dumps(one.model_dump()).encode()  # of names that are no UTF-8 as well
        answer = each_once(actor, key, place, said, Once(give, _kept))
        if REPLAYED in answer.headers:
            replays.append(place)
        return _item(answer)

    try:
        found = each_of(grant, range(len(files)), _AT_ONCE)
    finally:
        charge_grant(sum(granted))
    return each_told(found, replayed=len(replays) == len(files))


def _grant_json(given: Given) -> dict[str, Any]:
    return grant_json(given.grant, GrantState.OPEN, given.requests, {})


def _kept(given: Given) -> Response:
    return jsonify(_grant_json(given))


def _item(answer: Response) -> dict[str, Any]:
    """An answer that one file has under its key, as one of many."""
    return {"upload" if answer.status_code < 400 else "problem": answer.get_json()}


@blueprint.post("/upload-batches/complete")
@described(
    "complete_uploads",
    Answer(200, "Each is a document and will be inspected, or says why not.", CompletedFiles),
    takes=(BatchCompletion,),
    problems=(*REFUSALS, *OVER, errors.Incomplete, errors.SizeMismatch),
    scope=Scope.DOCUMENTS_WRITE,
)
def complete_uploads() -> Response:
    """Make documents of up to 50 uploads; inspection follows.

    Each as by `POST /uploads/{id}/complete`, and what is refused stands in its place.
    """
    actor, completion = writer(), services().completion
    asked = read_body(present(), BatchCompletion).uploads
    base = services().settings.public_url

    def complete(one: UploadToComplete) -> dict[str, Any]:
        document = completion.complete(actor, one.id, one.sha256)
        return {"document": document_json(document, base)}

    return each_told(each_of(complete, asked, _AT_ONCE))
