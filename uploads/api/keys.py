"""/keys: the caller's own API keys. The secret is in the 201 and in no other answer."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from flask import Response, jsonify, request
from pydantic import Field

from uploads.api import blueprint
from uploads.api.json_bodies import Body, Time, read_body
from uploads.api.parsing import known_members, moment, page_of
from uploads.documents import errors
from uploads.documents.model import Actor, ApiKey, Scope
from uploads.documents.showing import rfc3339
from uploads.idempotency import Once, idempotent, without
from uploads.openapi.describing import Answer, described
from uploads.openapi.parameters import PAGE
from uploads.openapi.service_shapes import KeyPage, NewKey
from uploads.security.csrf import check_header
from uploads.security.principals import require_actor, services

Scopes = Annotated[
    list[Literal["documents:read", "documents:write", "admin"]], Field(min_length=1, max_length=3)
]


class KeyRequest(Body):
    """What a key is for, what it may do, and when it ends; without `expires_at` never."""

    name: str
    scopes: Scopes
    expires_at: Time | None = None


@blueprint.post("/keys")
@described(
    "create_key",
    Answer(201, "The key, with its text as `secret`.", NewKey),
    takes=(KeyRequest,),
    problems=(errors.Conflict, errors.StorageFull),
    scope=Scope.DOCUMENTS_WRITE,
)
@idempotent(veil=without("secret"))
def create_key() -> Once[tuple[ApiKey, str]]:
    """Make a key for oneself, with no more rights than one has."""
    actor = _manager()
    asked = read_body(request, KeyRequest)
    ends = moment(asked.expires_at, "/expires_at")
    scopes = [Scope(value) for value in asked.scopes]
    accounts = services().accounts
    return Once(
        lambda keep: accounts.create_own_key(actor, asked.name, scopes, ends, keep), _created
    )


def _created(made: tuple[ApiKey, str]) -> Response:
    key, secret = made
    response = jsonify(**_key_json(key), secret=secret)
    response.status_code = 201
    return response


@blueprint.get("/keys")
@described(
    "list_keys",
    Answer(200, "A page of them.", KeyPage),
    parameters=PAGE,
    scope=Scope.DOCUMENTS_READ,
)
def list_keys() -> Response:
    """The caller's keys, newest first."""
    actor = require_actor(Scope.DOCUMENTS_READ)
    page, cursor = services().accounts.own_keys(actor, *page_of(request))
    return jsonify(items=[_key_json(one) for one in page], next_cursor=cursor)


@blueprint.delete("/keys/<key_id>")
@described("revoke_key", Answer(204, "It is refused from now on."), scope=Scope.DOCUMENTS_WRITE)
def revoke_key(key_id: str) -> Response:
    """Refuse a key from now on, also where it is the one that asks."""
    actor = _manager()
    services().accounts.revoke_key(key_id, owner_id=actor.user_id, by=actor.user_id)
    return Response(status=204)


def _manager() -> Actor:
    actor = require_actor(Scope.DOCUMENTS_WRITE)
    check_header()
    known_members(request)
    return actor


def _key_json(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "created_at": rfc3339(key.created_at),
        "last_used_at": rfc3339(key.last_used_at),
        "expires_at": rfc3339(key.expires_at),
        "revoked_at": rfc3339(key.revoked_at),
    }
