"""Writes the document to standard output, for docs/openapi.json: `python -m uploads.openapi`."""

from __future__ import annotations

import sys

from flask import Flask

from uploads.api import blueprint, linked  # noqa: F401  its views register on the content host's
from uploads.api.content import blueprint as content
from uploads.api.operations import blueprint as operations
from uploads.openapi import document


def text() -> str:
    """The document of every route that the API has; no service is needed for it."""
    app = Flask("uploads")
    for one in (blueprint, content, operations):
        app.register_blueprint(one)
    return document.text(app)


if __name__ == "__main__":
    sys.stdout.write(text())
