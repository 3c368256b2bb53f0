"""/api/docs: the API's description for people. Without script; anybody may read it."""

from __future__ import annotations

from flask import current_app, json, render_template

from uploads.openapi import document, reading
from uploads.web import blueprint

_KEPT = "uploads.reference"


@blueprint.get("/api/docs")
def reference() -> str:
    """The OpenAPI document as a page."""
    kept: reading.Reading | None = current_app.extensions.get(_KEPT)
    if kept is None:
        kept = reading.read(json.loads(document.text(current_app)))
        current_app.extensions[_KEPT] = kept
    return render_template("reference.html", reference=kept)
