"""The plain form: several files in one request, each judged on its own. Works without script.

A form that was not read to its end is answered with 4xx. To any other answer in the middle of its
sending Chromium pays no heed: it sees a broken connection, and sends the whole form once more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from flask import render_template, request

from uploads import bodies
from uploads.bodies import Part
from uploads.documents.errors import (
    BodyTooLarge,
    HeadersTooLarge,
    Malformed,
    SizeMismatch,
    UploadsError,
)
from uploads.documents.intake import Offer
from uploads.documents.model import Actor, Document, Scope
from uploads.errors import problem, status_of
from uploads.security import csrf, upload_limits
from uploads.security.principals import require_actor, services
from uploads.web import blueprint

# Raised by the form itself: nothing more of it can be read.
_BROKEN = (BodyTooLarge, HeadersTooLarge, Malformed, SizeMismatch)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file of the form: a document, or a problem document's members."""

    name: str
    document: Document | None = None
    problem: dict[str, Any] | None = None


@blueprint.post("/documents")
def upload() -> tuple[str, int]:
    """Take the form's files one after the other; its first field proves that the page is ours."""
    actor = require_actor(Scope.DOCUMENTS_WRITE)
    parts = bodies.form_parts(request, services().settings.body_seconds)
    given = request.headers.get(csrf.HEADER)
    if given is None:
        first = next(parts, None)
        given = first.text() if first is not None and first.field == csrf.FIELD else None
    csrf.check(given)
    outcomes, status = _outcomes(actor, parts)
    return render_template("results.html", outcomes=outcomes), status


def _outcomes(actor: Actor, parts: Iterator[Part]) -> tuple[list[Outcome], int]:
    """What became of each file, and the status that says whether all of the form was read.

    Files before the place where a form broke off were taken in, and whoever sent them must learn
    of it; a form that breaks before its first file is refused whole.
    """
    outcomes: list[Outcome] = []
    try:
        for part in parts:
            if part.filename:
                outcomes.append(_judge(actor, part, further=bool(outcomes)))
    except _BROKEN as error:
        if not outcomes:
            raise
        outcomes.append(_rest(error))
        too_much = isinstance(error, BodyTooLarge | HeadersTooLarge)
        return outcomes, HTTPStatus.REQUEST_ENTITY_TOO_LARGE if too_much else status_of(error)
    return outcomes, HTTPStatus.OK


def _rest(error: UploadsError) -> Outcome:
    """What is behind the place; of a form that was only too large, nobody knows if anything is."""
    name = "The other files of the form"
    why = f"{error.public} Files that are not named above did not arrive"
    if isinstance(error, BodyTooLarge):
        name = "Other files of the form, if it had any"
        why = "The form was not read to its end. What it has behind these files did not arrive"
    said = {"title": "Not received", "detail": f"{why}: send them again, fewer at a time."}
    return Outcome(name, problem={**problem(error), **said})


def _judge(actor: Actor, part: Part, *, further: bool) -> Outcome:
    """Accept one file. A body that breaks off ends the whole form; a refusal only this file.

    The first was let in with the request, each `further` one is an upload more to the limits.
    """
    offer = Offer(part.filename, part.content_type)
    try:
        if further:
            upload_limits.enter_another(actor)
        document = services().intake.accept(actor, offer, part.pieces)
    except _BROKEN:
        raise
    except UploadsError as error:
        return Outcome(part.filename or "", problem=problem(error))
    return Outcome(document.name, document)
