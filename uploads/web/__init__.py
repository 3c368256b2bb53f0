"""The door for people: HTML pages and plain forms."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("web", __name__)

# The modules hang their views on the blueprint, so they come after it.
from uploads.web import checks, pages, problems, reference, reports, results, share, sign_in, upload  # noqa: E402, F401
