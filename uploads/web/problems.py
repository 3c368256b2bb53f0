"""/problems/<code>: what an error code means, for the person who follows a problem's `type`."""

from __future__ import annotations

from flask import render_template

from uploads.documents.errors import NotFound, UploadsError, catalogue
from uploads.errors import STATUS
from uploads.web import blueprint


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
            "detail": kind.sentence,
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
