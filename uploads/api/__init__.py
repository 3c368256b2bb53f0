"""The door for programs: JSON over HTTP, version 1. Views parse, call one verb, render."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("api", __name__, url_prefix="/api/v1")

from uploads.api import (  # noqa: E402, F401  views register on the blueprint
    document_batches,
    documents,
    events,
    keys,
    links,
    me,
    openapi,
    policy,
    quarantine,
    upload_batches,
    uploads,
    webhooks,
)
