"""What became of the files of a plain form: a page with an address, that can be opened again.

A page that a form itself is answered with is lost with Back, and Reload sends all of the files once
more. So what became of them is kept for a day, where answers to repeated requests are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from flask import json, redirect, render_template, url_for
from werkzeug.wrappers import Response

from uploads import clock
from uploads.documents.errors import NotFound, Unavailable
from uploads.documents.model import Actor, Scope
from uploads.records.answering import Answer, Asked
from uploads.security.principals import require_actor, services
from uploads.web import blueprint


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file of the form: a document's id, or a problem's title and detail."""

    name: str
    document_id: str | None = None
    title: str = ""
    detail: str = ""


@blueprint.get("/results/<key>")
def results(key: str) -> str:
    """The page of one form; somebody else's does not exist."""
    asked = _asked(require_actor(Scope.DOCUMENTS_READ), key)
    kept = services().records.glance(lambda work: work.answers.find(asked))
    if kept is None or kept.answer is None:
        raise NotFound
    return page([Outcome(**one) for one in json.loads(kept.answer.body)])


def lead_to(actor: Actor, outcomes: Sequence[Outcome]) -> Response | None:
    """Keep what became of the files, and lead to its page; None where it cannot be kept."""
    key = clock.new_id()
    body = json.dumps([asdict(one) for one in outcomes])
    answer, asked = Answer(200, "application/json", body), _asked(actor, key)
    try:
        services().records.write_one(lambda work: work.answers.enter(asked, clock.now(), answer))
    except Unavailable:
        return None
    return redirect(url_for("web.results", key=key), 303)


def page(outcomes: Sequence[Outcome]) -> str:
    return render_template("results.html", outcomes=outcomes)


def _asked(actor: Actor, key: str) -> Asked:
    """Not by session: whoever signs in again finds the page again."""
    return Asked(actor.user_id, "web.results", key, "")
