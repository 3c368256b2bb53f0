"""The library and one document's page. Views parse, call one service verb, render."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Flask, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from uploads import clock, errors
from uploads.documents.errors import Gone, Unauthenticated
from uploads.documents.model import GONE, Document, Scope
from uploads.records.protocol import DocumentFilter
from uploads.redirects import to_signed, told_of
from uploads.security import csrf
from uploads.security.principals import current_actor, require_actor, services
from uploads.web import blueprint, rows, share, sign_in, words
from uploads.web.assets import Assets

PAGE_SIZE = 50


def install(app: Flask) -> None:
    """Give the templates what they call by name."""
    assets = Assets(Path(app.static_folder or "") / "dist")
    app.jinja_env.globals.update(asset=assets.script, stylesheets=assets.stylesheets)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.context_processor(_everywhere)


def _everywhere() -> dict[str, Any]:
    return {
        "actor": current_actor(),
        "scanner_configured": services().scanner_configured,
        "unconfined": services().settings.cell == "unconfined",
    }


@blueprint.errorhandler(Unauthenticated)
def ask_to_sign_in(error: Unauthenticated) -> Response:
    """A person who is not signed in is shown where to, and comes back afterwards.

    The page's script, which takes no HTML, is told in its own form and leads there itself. A form
    is answered with the sign-in page itself: while a browser sends, it follows no redirect.
    """
    if not request.accept_mimetypes.accept_html:
        return errors.render(error)
    if request.method == "POST":
        return sign_in.ask(words.SIGNED_OUT)
    return redirect(url_for("web.sign_in", next=request.full_path.rstrip("?")), 303)


@blueprint.get("/")
def home() -> Response:
    """The start page is the library, for those who are signed in."""
    return redirect(url_for("web.library" if current_actor() else "web.sign_in"))


@blueprint.get("/documents")
def library() -> str:
    """The drop zone and one page of documents, newest first."""
    actor = require_actor(Scope.DOCUMENTS_READ)
    cursor = request.args.get("cursor") or None
    found, next_cursor = services().library.list(actor, DocumentFilter(), PAGE_SIZE, cursor)
    policy = services().policy
    return render_template(
        "library.html",
        rows=[_row(document) for document in found],
        cursor=cursor,
        next_cursor=next_cursor,
        accepted=words.accepted(policy.types),
        limits=words.limits(policy),
        room=words.room(services().quotas.of(actor.user_id)),
        words=words.for_script(policy),
    )


@blueprint.get("/documents/<document_id>")
def document(document_id: str) -> str:
    """One document with its engines, digest and times."""
    found = services().library.get(require_actor(Scope.DOCUMENTS_READ), document_id)
    engines = found.verdict.engines if found.verdict else ()
    return render_template(
        "document.html",
        document=found,
        row=_row(found),
        preview=rows.picture(found, "thumbnail-800"),
        pages=rows.pages(found),
        engines=[rows.engine_line(engine) for engine in engines],
        share=share.sharing(found) if found.servable else None,
        words=words.for_script(services().policy),
    )


@blueprint.get("/documents/<document_id>/download")
def download(document_id: str) -> Response:
    """The clean bytes, from the store, as an attachment."""
    actor, access = require_actor(Scope.DOCUMENTS_READ), services().access
    if request.method == "HEAD":
        return told_of(access.look(actor, document_id))
    return to_signed(access.download_url(actor, document_id))


@blueprint.get("/documents/<document_id>/delete")
def confirm_delete(document_id: str) -> str:
    """Ask first, where no script can."""
    found = services().library.get(require_actor(Scope.DOCUMENTS_WRITE), document_id)
    if found.state in GONE:
        raise Gone
    return render_template("delete.html", document_id=found.id, name=found.name)


@blueprint.post("/documents/<document_id>/delete")
def delete(document_id: str) -> Response:
    """Delete without script."""
    actor = require_actor(Scope.DOCUMENTS_WRITE)
    csrf.check_form()
    services().library.delete(actor, document_id)
    return redirect(url_for("web.library"), 303)


def _row(found: Document) -> rows.Row:
    return rows.row(found, services().policy, clock.now())
