"""/openapi.json: this interface, described for programs (OpenAPI 3.1)."""

from __future__ import annotations

from flask import Response, current_app, request

from uploads.api import blueprint
from uploads.api.parsing import known_members
from uploads.documents import errors
from uploads.openapi import document
from uploads.openapi.describing import Answer, Content, described

_DOCUMENT = Content("application/json", {"type": "object", "required": ["openapi"]})


@blueprint.get("/openapi.json")
@described(
    "show_openapi",
    Answer(200, "The document.", _DOCUMENT),
    problems=(errors.Invalid,),
    public=True,
)
def openapi() -> Response:
    """This document; anybody may read it."""
    known_members(request)
    return current_app.response_class(document.text(current_app), content_type="application/json")
