"""The content host's side of links: the link itself, the form for its password, and the download.

A use of a link is counted and led on to a ticket, under which the bytes are sent. HEAD and 304 cost
nothing. A password comes from the form, or by Basic authentication (RFC 7617), which programs know;
no cookie is set and none is read.
"""

from __future__ import annotations

from contextlib import ExitStack
from http import HTTPStatus

from flask import Response, render_template, request, send_from_directory
from werkzeug.http import http_date

from uploads import errors
from uploads.answers import under_way
from uploads.api.conditions import Kept, Span, is_unchanged, wanted
from uploads.api.content import BYTES, blueprint
from uploads.documents.errors import (
    DownloadLimit,
    Gone,
    NotClean,
    PasswordRequired,
    PreconditionFailed,
    RangeNotSatisfiable,
)
from uploads.documents.fetching import Download
from uploads.documents.model import State
from uploads.documents.names import content_disposition
from uploads.openapi import headers as told
from uploads.openapi.describing import Answer, Content, described
from uploads.openapi.parameters import CONDITIONS, IF_RANGE, RANGE
from uploads.redirects import to_signed
from uploads.security.principals import services

_BEGUN = Answer(303, "A download has begun there.", headers=("Location", told.STATE))
_UNCHANGED = Answer(304, "The client has it already.", headers=(*told.KEPT, told.STATE))
_SENT = ("Accept-Ranges", "Content-Disposition", *told.KEPT, told.STATE)
_LOST = (Gone, NotClean, DownloadLimit)
_PAGE = Content("text/html", {"type": "string"})
_PASSWORD = Content(
    "application/x-www-form-urlencoded",
    {"type": "object", "properties": {"password": {"type": "string"}}},
)


@blueprint.get("/links/<token>")
@described(
    "use_link",
    Answer(200, "A page for browsers: the file was released.", _PAGE),
    _BEGUN,
    _UNCHANGED,
    parameters=CONDITIONS,
    problems=(*_LOST, PasswordRequired, PreconditionFailed),
    public=True,
)
def link(token: str) -> Response:
    """Count a download and lead to it, or ask for the password.

    A program sends the password by HTTP Basic authentication, with any user name. A browser is told
    first where a file was refused and then released by administrators.
    """
    given = request.authorization
    password = given.password if given is not None and given.type == "basic" else None
    try:
        download = services().fetching.look(token, password)
    except PasswordRequired as error:
        return _asking(error)
    kept = _kept(download)
    if kept is not None and is_unchanged(request, kept):
        return _answer(download, kept, HTTPStatus.NOT_MODIFIED)
    if request.method == "HEAD":
        return _answer(download, kept)
    if download.released and _wants_page():
        several = download.single is None
        page = render_template("link_released.html", name=download.name, several=several)
        return Response(page, content_type="text/html; charset=utf-8")
    return _begun(download)


@blueprint.post("/links/<token>")
@described(
    "use_link_by_form",
    _BEGUN,
    takes=(_PASSWORD,),
    optional=True,
    problems=(*_LOST, PasswordRequired),
    public=True,
)
def enter(token: str) -> Response:
    """The same, with the password from the form."""
    try:
        download = services().fetching.look(token, request.form.get("password", ""))
    except PasswordRequired as error:
        return _asking(error, wrong=True)
    return _begun(download)


@blueprint.get("/links/form.css")
def form_style() -> Response:
    """The form's own style: it may not take the app's, which is on another host."""
    return send_from_directory("static", "form.css", max_age=86400)


@blueprint.get("/tickets/<ticket>")
@described(
    "send_linked",
    Answer(200, "The whole; of a film or sound a page that plays it, for browsers.", BYTES, _SENT),
    Answer(206, "The range that was asked for.", BYTES, headers=(*_SENT, told.RANGE)),
    _UNCHANGED,
    parameters=(RANGE, IF_RANGE, *CONDITIONS),
    problems=(*_LOST, PreconditionFailed, RangeNotSatisfiable),
    public=True,
)
def fetch(ticket: str) -> Response:
    """Send what a use of a link has begun, whole or in ranges.

    Whoever opens a film or a sound in a browser gets a page with a player, which then fetches it.
    """
    found = services().fetching.resume(ticket)
    if found.played and _is_opened():
        return _player(found)
    kept = _kept(found)
    if kept is None:
        return _sent(found, None, Span(0, found.size))
    if is_unchanged(request, kept):
        return _answer(found, kept, HTTPStatus.NOT_MODIFIED)
    try:
        span = wanted(request, kept)
    except RangeNotSatisfiable as error:
        response = errors.render(error)
        response.headers["Content-Range"] = f"bytes */{kept.size}"
        return response
    response = _sent(found, kept, span or Span(0, kept.size))
    if span is not None:
        response.status_code = HTTPStatus.PARTIAL_CONTENT
        last = span.offset + span.length - 1
        response.headers["Content-Range"] = f"bytes {span.offset}-{last}/{kept.size}"
    return response


def _player(download: Download) -> Response:
    """A page that costs nothing of the allowance, while there is enough of it to play the whole."""
    services().fetching.check_whole(download)
    film = download.content_type.startswith("video/")
    page = render_template("link_player.html", name=download.name, film=film, address=request.path)
    response = Response(page, content_type="text/html; charset=utf-8")
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _is_opened() -> bool:
    """Whether a browser is about to show it. Without a page of ours it would fetch the whole, and
    its player would do so again. A player of its own takes no HTML."""
    return request.method == "GET" and "Range" not in request.headers and _wants_page()


def _kept(download: Download) -> Kept | None:
    """What conditions are judged by; an archive is made anew each time and has none."""
    if download.sha256 is None:
        return None
    return Kept(download.sha256, download.made_at, download.size)


def _begun(download: Download) -> Response:
    response = to_signed(f"/tickets/{services().fetching.use(download)}")
    response.status_code = HTTPStatus.SEE_OTHER
    return _marked(response, download)


def _sent(download: Download, kept: Kept | None, span: Span) -> Response:
    response = _answer(download, kept)
    response.content_length = span.length
    if request.method == "GET":
        ends = ExitStack()
        pieces = ends.enter_context(services().fetching.open(download, span.offset, span.length))
        response.response = under_way(pieces)
        response.call_on_close(ends.close)
    return response


def _answer(download: Download, kept: Kept | None, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """The headers of a download, without a body."""
    response = _marked(Response(status=status, content_type=download.content_type), download)
    headers = response.headers
    headers["Cache-Control"] = "private, no-store"
    headers["Accept-Ranges"] = "none" if kept is None else "bytes"
    if kept is not None:
        response.set_etag(kept.etag)
        headers["Last-Modified"] = http_date(kept.seconds)
    if status == HTTPStatus.NOT_MODIFIED:
        headers.pop("Content-Type")
        return response
    # In an archive there is a folder that says so.
    released = download.released and download.single is not None
    headers["Content-Disposition"] = content_disposition(
        download.disposition.value, download.name, released=released
    )
    response.content_length = download.size
    return response


def _marked(response: Response, download: Download) -> Response:
    """Tell programs, who see no page, what was refused and then released."""
    if download.released:
        response.headers[told.STATE] = State.RELEASED.value
    return response


def _asking(error: PasswordRequired, *, wrong: bool = False) -> Response:
    """The form for those who ask for HTML, the problem for all others."""
    if not _wants_page():
        return errors.render(error)
    told = {"released": error.released, "shown": error.shown}
    page = render_template("link_password.html", wrong=wrong, **told)
    response = Response(page, HTTPStatus.UNAUTHORIZED, content_type="text/html; charset=utf-8")
    # A scheme that browsers do not know: with `Basic` they would ask before the form is seen.
    response.headers["WWW-Authenticate"] = 'Form realm="link"'
    return response


def _wants_page() -> bool:
    return request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html"
