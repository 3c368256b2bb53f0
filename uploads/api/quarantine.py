"""/admin/quarantine: refused files of all users, for administrators.

A release needs two of them. What is taken out is an encrypted ZIP with the password `infected`.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Annotated

from flask import Response, jsonify, request
from pydantic import Field

from uploads import clock
from uploads.answers import under_way
from uploads.api import blueprint
from uploads.api.json_bodies import Body, read_body
from uploads.api.parsing import invalid, known_members, page_of
from uploads.documents import errors, samples
from uploads.documents.model import Scope, State
from uploads.documents.names import content_disposition
from uploads.documents.releases import AT_DESK, LONGEST_REASON, WAITING_AT_DESK, Case
from uploads.documents.showing_desk import case_json, detail_json
from uploads.idempotency import Once, idempotent
from uploads.openapi.describing import Answer, Content, described
from uploads.openapi.desk_shapes import RefusedFile, RefusedFileDetail, RefusedFilePage
from uploads.openapi.parameters import DESK_QUERY, DESK_STATE, OWNER, PAGE
from uploads.openapi.shapes import Digest
from uploads.records.quarantining import DeskFilter
from uploads.security.csrf import check_header
from uploads.security.principals import require_actor, services

_ZIP = Content(samples.TYPE, {"description": "The ZIP."})


@blueprint.get("/admin/quarantine")
@described(
    "list_quarantine",
    Answer(200, "A page of them.", RefusedFilePage),
    parameters=(*PAGE, DESK_STATE, OWNER, DESK_QUERY),
    scope=Scope.ADMIN,
)
def list_quarantine() -> Response:
    """Refused files, newest first: infected, unscannable, rejected, and failed ones with bytes."""
    actor = require_actor(Scope.ADMIN)
    limit, cursor = page_of(request, DESK_STATE, OWNER, DESK_QUERY)
    names = request.args.getlist("state")
    if not set(names) <= AT_DESK:
        raise invalid(("state", "one of " + ", ".join(sorted(AT_DESK))))
    states = {State(name) for name in names} or WAITING_AT_DESK
    chosen = DeskFilter(states, request.args.get("owner"), request.args.get("q"))
    page, cursor = services().desk.list(actor, chosen, limit, cursor)
    now = clock.now()
    return jsonify(items=[case_json(one, now) for one in page], next_cursor=cursor)


@blueprint.get("/admin/quarantine/<document_id>")
@described(
    "show_quarantined",
    Answer(200, "All that is known of it.", RefusedFileDetail),
    problems=(errors.Gone,),
    scope=Scope.ADMIN,
)
def show_quarantined(document_id: str) -> Response:
    """One refused or released file, with every verdict, its first bytes and its members."""
    actor = require_actor(Scope.ADMIN)
    known_members(request)
    return jsonify(detail_json(services().desk.look(actor, document_id), clock.now()))


class ReleaseRequest(Body):
    """Which bytes are to be handed out, and why."""

    sha256: Digest
    reason: Annotated[str, Field(min_length=1, max_length=LONGEST_REASON)]


@blueprint.post("/admin/quarantine/<document_id>/release")
@described(
    "release_quarantined",
    Answer(202, "It is asked for, or confirmed and will be carried out.", RefusedFile),
    takes=(ReleaseRequest,),
    problems=(errors.Gone, errors.Conflict),
    scope=Scope.ADMIN,
)
@idempotent
def release_quarantined(document_id: str) -> Once[Case]:
    """Ask for a file to be handed out although it was refused, or confirm what another one asked.

    Two different administrators have to, within a week. A released file is handed out as an
    attachment only, under a name that begins with `released-`.
    """
    actor = require_actor(Scope.ADMIN)
    check_header()
    known_members(request)
    asked = read_body(request, ReleaseRequest)
    said = document_id, asked.sha256, asked.reason
    return Once(lambda keep: services().desk.release(actor, *said, keep), _accepted)


def _accepted(case: Case) -> Response:
    response = jsonify(case_json(case, clock.now()))
    response.status_code = 202
    return response


@blueprint.delete("/admin/quarantine/<document_id>")
@described("delete_quarantined", Answer(204, "It is deleted, or was before."), scope=Scope.ADMIN)
def delete_quarantined(document_id: str) -> Response:
    """Delete a refused or released file, whoever owns it; its bytes go."""
    actor = require_actor(Scope.ADMIN)
    check_header()
    known_members(request)
    services().desk.delete(actor, document_id)
    return Response(status=204)


@blueprint.get("/admin/quarantine/<document_id>/sample")
@described(
    "sample_quarantined",
    Answer(200, "The ZIP.", _ZIP, headers=("Content-Disposition",)),
    problems=(errors.Gone,),
    scope=Scope.ADMIN,
)
def sample_quarantined(document_id: str) -> Response:
    """Take the file out for analysis: in a ZIP, encrypted with the password `infected`."""
    actor = require_actor(Scope.ADMIN)
    known_members(request)
    sample = services().desk.sample(actor, document_id)
    response = Response(content_type=samples.TYPE)
    response.headers["Content-Disposition"] = content_disposition(
        "attachment", f"{sample.name}.zip", released=False
    )
    # How large it is shows only in making it: HEAD says nothing of that, rather than 0.
    response.automatically_set_content_length = False
    if request.method == "GET":
        ends = ExitStack()
        response.response = under_way(ends.enter_context(services().desk.open(actor, sample)))
        response.call_on_close(ends.close)
    return response
