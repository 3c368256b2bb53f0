"""/links: what a user shares with people who have no account."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from flask import Response, json, jsonify, request
from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from uploads.api import blueprint
from uploads.api.json_bodies import Body, read_body
from uploads.api.parsing import known_members, page_of
from uploads.api.rendering import link_json
from uploads.documents import errors
from uploads.documents.links import (
    LONGEST_PASSWORD,
    LONGEST_SECONDS,
    MOST_DOCUMENTS,
    MOST_DOWNLOADS,
    SHORTEST_PASSWORD,
    Disposition,
    Link,
)
from uploads.documents.model import Scope
from uploads.documents.sharing import Wish
from uploads.idempotency import Once, Veil, idempotent
from uploads.openapi.describing import Answer, described
from uploads.openapi.parameters import PAGE
from uploads.openapi.shapes import Link as Shown
from uploads.openapi.shapes import LinkPage
from uploads.security.csrf import check_header
from uploads.security.principals import LEADING_OUT, require_actor, services

_SOME = Field(min_length=1, max_length=MOST_DOCUMENTS, json_schema_extra={"uniqueItems": True})
_PASSWORD = Field(min_length=SHORTEST_PASSWORD, max_length=LONGEST_PASSWORD)


class LinkRequest(Body):
    """What is shared; `expires_in` in seconds, without it until the link is revoked."""

    documents: Annotated[list[str], _SOME]
    expires_in: Annotated[int, Field(ge=1, le=LONGEST_SECONDS)] | None = None
    disposition: Literal["attachment", "inline"] = "attachment"
    max_downloads: Annotated[int, Field(ge=1, le=MOST_DOWNLOADS)] | None = None
    password: Annotated[str, _PASSWORD] | None = None

    @field_validator("documents")
    @classmethod
    def _each_once(cls, documents: list[str]) -> list[str]:
        if len(set(documents)) < len(documents):
            raise PydanticCustomError("twice", "a document is named twice")
        return documents


def _without_url(body: str) -> str:
    return json.dumps({name: value for name, value in json.loads(body).items() if name != "url"})


def _with_url(body: str) -> str:
    members: dict[str, Any] = json.loads(body)
    members["url"] = services().sharing.url(members["id"])
    return jsonify(members).get_data(as_text=True)


@blueprint.post("/links")
@described(
    "create_link",
    Answer(201, "The link, with its address.", Shown, headers=("Location",)),
    takes=(LinkRequest,),
    problems=(errors.NotFound, errors.NotClean, errors.Gone, errors.Conflict, errors.StorageFull),
    scopes=LEADING_OUT,
)
@idempotent(veil=Veil(_without_url, _with_url))
def create_link() -> Once[Link]:
    """Make a link to one document or several."""
    actor = require_actor(*LEADING_OUT)
    check_header()
    known_members(request)
    asked = read_body(request, LinkRequest)
    wish = Wish(
        tuple(asked.documents),
        Disposition(asked.disposition),
        asked.expires_in,
        asked.max_downloads,
        asked.password,
    )
    return Once(lambda keep: services().sharing.make(actor, wish, keep), _created)


def _created(link: Link) -> Response:
    response = jsonify(_json(link))
    response.status_code = 201
    response.headers["Location"] = f"/api/v1/links/{link.id}"
    return response


@blueprint.get("/links")
@described(
    "list_links",
    Answer(200, "A page of them.", LinkPage),
    parameters=PAGE,
    scope=Scope.DOCUMENTS_READ,
)
def list_links() -> Response:
    """The caller's links that were not ended, newest first."""
    return _page(None)


@blueprint.get("/documents/<document_id>/links")
@described(
    "list_document_links",
    Answer(200, "A page of them.", LinkPage),
    parameters=PAGE,
    scope=Scope.DOCUMENTS_READ,
)
def list_document_links(document_id: str) -> Response:
    """The links of one document, newest first."""
    return _page(document_id)


@blueprint.get("/links/<link_id>")
@described(
    "show_link",
    Answer(200, "The link as it stands.", Shown),
    problems=(errors.Gone,),
    scope=Scope.DOCUMENTS_READ,
)
def show_link(link_id: str) -> Response:
    """One link, with its address and how often it was used."""
    actor = require_actor(Scope.DOCUMENTS_READ)
    known_members(request)
    return jsonify(_json(services().sharing.get(actor, link_id)))


@blueprint.delete("/links/<link_id>")
@described("revoke_link", Answer(204, "It has ended."), scope=Scope.DOCUMENTS_WRITE)
def revoke_link(link_id: str) -> Response:
    """End a link at once."""
    actor = require_actor(Scope.DOCUMENTS_WRITE)
    check_header()
    known_members(request)
    services().sharing.revoke(actor, link_id)
    return Response(status=204)


def _page(document_id: str | None) -> Response:
    actor = require_actor(Scope.DOCUMENTS_READ)
    page, cursor = services().sharing.list(actor, *page_of(request), document_id)
    return jsonify(items=[_json(link) for link in page], next_cursor=cursor)


def _json(link: Link) -> dict[str, Any]:
    return link_json(link, services().sharing.url(link.id))
