"""/me: who is asking, what the credential may do, and how much of the quota is used."""

from __future__ import annotations

from flask import Response, jsonify, request

from uploads.api import blueprint
from uploads.api.parsing import known_members
from uploads.openapi.describing import Answer, described
from uploads.openapi.service_shapes import Me
from uploads.security.principals import require_actor, services


@blueprint.get("/me")
@described("show_caller", Answer(200, "The caller.", Me))
def me() -> Response:
    """The caller; a limit that there is not is null."""
    actor = require_actor()
    known_members(request)
    quota = services().quotas.of(actor.user_id)
    return jsonify(
        id=actor.user_id,
        email=actor.email,
        role=actor.role.value,
        scopes=sorted(scope.value for scope in actor.scopes),
        quota={
            "bytes_used": quota.bytes_used,
            "bytes_limit": quota.bytes_limit,
            "files_used": quota.files_used,
            "files_limit": quota.files_limit,
        },
    )
