"""/policy: what is accepted and how it is inspected, for pages and for clients to check first."""

from __future__ import annotations

from flask import Response, jsonify, request

from uploads import clock
from uploads.api import blueprint
from uploads.api.parsing import known_members
from uploads.documents.model import Scope
from uploads.openapi.describing import Answer, described
from uploads.openapi.service_shapes import Policy
from uploads.readiness import scanner_note
from uploads.security.principals import require_actor, services


@blueprint.get("/policy")
@described("show_policy", Answer(200, "What is accepted.", Policy), scope=Scope.DOCUMENTS_READ)
def policy() -> Response:
    """Types, endings, sizes, the caller's quotas, and whether a virus scanner is configured."""
    actor = require_actor(Scope.DOCUMENTS_READ)
    known_members(request)
    quota = services().quotas.of(actor.user_id)
    rules = services().policy
    configured = services().scanner_configured
    return jsonify(
        types=[
            {
                "type": kind.type,
                "label": kind.label,
                "extensions": list(kind.extensions),
                "max_bytes": rules.limit(kind),
            }
            for kind in rules.types
        ],
        max_file_bytes=rules.largest,
        max_name_bytes=services().settings.max_name_bytes,
        quotas={"bytes_limit": quota.bytes_limit, "files_limit": quota.files_limit},
        virus_scanner={
            "configured": configured,
            "name": "clamav" if configured else None,
            "note": scanner_note(services(), clock.now()),
        },
        engines=["structure", "yara", *(["clamav"] if configured else [])],
    )
