"""Sharing on a document's page: plain forms that make a link and revoke one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from uploads import clock
from uploads.documents.errors import Invalid
from uploads.documents.links import LONGEST_PASSWORD, MOST_DOWNLOADS, SHORTEST_PASSWORD, Link
from uploads.documents.model import Document, Scope
from uploads.documents.sharing import Wish
from uploads.security import csrf
from uploads.security.principals import require_actor, services
from uploads.web import blueprint, words

_SHOWN = 50
_NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Line:
    """One link, for _share.html."""

    id: str
    url: str
    use: str
    expires_at: datetime | None
    over: bool
    others: int


@dataclass(frozen=True, slots=True)
class Share:
    """What _share.html shows: the links there are and the form's choices and bounds."""

    lines: list[Line]
    times: list[tuple[str, str]]
    usual: str = words.USUAL_LINK_TIME
    most_downloads: int = MOST_DOWNLOADS
    shortest_password: int = SHORTEST_PASSWORD
    longest_password: int = LONGEST_PASSWORD


def sharing(document: Document) -> Share:
    """The newest links of a document, and the form for another one."""
    actor = require_actor(Scope.DOCUMENTS_READ)
    found, _ = services().sharing.list(actor, _SHOWN, document_id=document.id)
    times = [(name, text) for name, (text, _) in words.LINK_TIMES.items()]
    return Share([_line(link) for link in found], times)


@blueprint.post("/documents/<document_id>/links")
def create_link(document_id: str) -> Response:
    """Make a link as the form says, and show it with the others."""
    actor = require_actor(Scope.DOCUMENTS_WRITE)
    csrf.check_form()
    services().sharing.make(actor, _wish(document_id))
    return _back(document_id)


@blueprint.post("/documents/<document_id>/links/<link_id>/revoke")
def revoke_link(document_id: str, link_id: str) -> Response:
    """End a link."""
    actor = require_actor(Scope.DOCUMENTS_WRITE)
    csrf.check_form()
    services().sharing.revoke(actor, link_id)
    return _back(document_id)


def _back(document_id: str) -> Response:
    return redirect(url_for("web.document", document_id=document_id, _anchor="share"), 303)


def _wish(document_id: str) -> Wish:
    """What the form asks for. Raises Invalid."""
    lasts = words.LINK_TIMES.get(request.form.get("lasts", ""))
    if lasts is None:
        raise _wrong("lasts", "Choose how long the link is to last.")
    most = request.form.get("max_downloads", "").strip()
    if most and not (_NUMBER.fullmatch(most) and 1 <= int(most) <= MOST_DOWNLOADS):
        raise _wrong("max_downloads", f"Allow from 1 to {MOST_DOWNLOADS:,} downloads, or any.")
    password = request.form.get("password", "")
    if password and not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise _wrong(
            "password",
            f"Give it a password of {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters, or none.",
        )
    return Wish(
        (document_id,),
        expires_in=lasts[1],
        max_downloads=int(most) if most else None,
        password=password or None,
    )


def _wrong(pointer: str, sentence: str) -> Invalid:
    return Invalid(sentence, errors=[{"pointer": pointer, "detail": sentence}])


def _line(link: Link) -> Line:
    past = link.expires_at is not None and clock.now() >= link.expires_at
    return Line(
        id=link.id,
        url=services().sharing.url(link.id),
        use=words.link_use(link),
        expires_at=link.expires_at,
        over=past or link.used_up,
        others=len(link.documents) - 1,
    )
