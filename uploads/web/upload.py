"""The plain form: several files in one request, each judged on its own. Works without script.

A form that was read to its end leads to the page that says what became of its files (`results`).
One that was not is answered with that page, as 4xx. To any other answer in the middle of its
sending Chromium pays no heed: it sees a broken connection, and sends the whole form once more.
"""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus

from flask import make_response, request
from werkzeug.wrappers import Response

from uploads import bodies
from uploads.bodies import BROKEN, Part
from uploads.documents.errors import BodyTooLarge, BytesSpent, HeadersTooLarge, UploadsError
from uploads.documents.intake import Offer
from uploads.documents.model import Actor, Scope
from uploads.errors import status_of
from uploads.security import csrf, upload_limits
from uploads.security.principals import require_actor, services
from uploads.web import blueprint, results
from uploads.web.results import Outcome

# Raised by the form itself: nothing more of it can be read, or may be.
_BROKEN = (*BROKEN, BytesSpent)


@blueprint.post("/documents")
def upload() -> Response:
    """Take the form's files one after the other; its first field proves that the page is ours."""
    actor = require_actor(Scope.DOCUMENTS_WRITE)
    parts = bodies.form_parts(request, services().settings.body_seconds)
    given = request.headers.get(csrf.HEADER)
    if given is None:
        first = next(parts, None)
        given = first.text() if first is not None and first.field == csrf.FIELD else None
    csrf.check(given)
    outcomes, broken = _outcomes(actor, parts)
    if broken is not None:
        return _broken_off(outcomes, broken)
    # Of a form without files there is nothing to be kept.
    led = results.lead_to(actor, outcomes) if outcomes else None
    return led or make_response(results.page(outcomes))


def _broken_off(outcomes: list[Outcome], broken: UploadsError) -> Response:
    too_much = isinstance(broken, BodyTooLarge | HeadersTooLarge)
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE if too_much else status_of(broken)
    response = make_response(results.page(outcomes), status)
    if isinstance(broken, BytesSpent):
        response.headers["Retry-After"] = str(broken.seconds)
    return response


def _outcomes(actor: Actor, parts: Iterator[Part]) -> tuple[list[Outcome], UploadsError | None]:
    """What became of each file, and why the form was not read to its end, where it was not.

    Files before the place where a form broke off were taken in, and whoever sent them must learn
    of it; a form that breaks before its first file is refused whole.
    """
    outcomes: list[Outcome] = []
    try:
        for part in parts:
            if part.filename:
                outcomes.append(_judge(actor, part, further=bool(outcomes)))
            else:
                part.text()  # no file is read at that length unasked
    except _BROKEN as error:
        if not outcomes:
            raise
        outcomes.append(_rest(error))
        return outcomes, error
    return outcomes, None


def _rest(error: UploadsError) -> Outcome:
    """What is behind the place; of a form that was only too large, nobody knows if anything is."""
    name = "The other files of the form"
    why = f"{error.public} Files that are not named above did not arrive"
    if isinstance(error, BodyTooLarge):
        name = "Other files of the form, if it had any"
        why = "The form was not read to its end. What it has behind these files did not arrive"
    return Outcome(name, None, "Not received", f"{why}: send them again, fewer at a time.")


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
        return Outcome(part.filename or "", None, error.title, error.public)
    return Outcome(document.name, document.id)
