"""/problems/<code>: what an error code means, for the person who follows a problem's `type`."""

from __future__ import annotations

from flask import render_template

from uploads.documents.errors import NotFound, UploadsError, catalogue
from uploads.errors import STATUS
from uploads.web import blueprint

# These refusals name a file's own numbers, so their classes have no sentence without them.
_IN_GENERAL = {
    "file-too-large": "The file is larger than is accepted for its type. Make it smaller or split "
    "it; /api/v1/policy names the limits.",
    "type-not-allowed": "Files of this kind are not accepted here. /api/v1/policy names those that "
    "are, by their endings.",
    "type-mismatch": "The file's name, its declared type and its content do not agree. Send the "
    "file under its right name and type.",
    "digest-mismatch": "The bytes that arrived do not have the announced SHA-256. Send the file "
    "again.",
}


@blueprint.get("/problems/<code>")
def problem(code: str) -> str:
    """The page of one error code. Raises NotFound for a code that this service does not use."""
    kind = _kinds().get(code)
    if kind is None:
        raise NotFound
    return render_template(
        "problem.html",
        problem={
            "title": kind.title,
            "detail": _IN_GENERAL.get(code, kind.sentence),
            "status": STATUS[code],
            "code": code,
        },
    )


def _kinds() -> dict[str, type[UploadsError]]:
    """The first class of each code: the general one stands before its special cases."""
    found: dict[str, type[UploadsError]] = {}
    for kind in catalogue():
        found.setdefault(kind.code, kind)
    return found
