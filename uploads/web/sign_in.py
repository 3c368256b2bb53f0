"""Signing in and out with a form."""

from __future__ import annotations

import re

from flask import make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from uploads.documents.errors import Unauthenticated
from uploads.security import csrf, devices, sessions
from uploads.security.principals import current_actor, services
from uploads.web import blueprint
from uploads.web.words import SIGNED_OUT_AMID

# One slash, then neither a second one nor a backslash (browsers read it as a slash), and no
# control characters (browsers drop tabs and newlines before they look at an address).
_LOCAL = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")


def is_local(untrusted_target: str) -> bool:
    """Whether an address can only lead to a path of this site."""
    return _LOCAL.fullmatch(untrusted_target) is not None


@blueprint.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> Response:
    """Show the form; check email and password; start a session in place of the present one."""
    if request.method == "POST":
        return _check()
    target = _target(request.args.get("next"))
    trouble = SIGNED_OUT_AMID if "unsent" in request.args else None
    return redirect(target) if current_actor() else make_response(_form(target, trouble=trouble))


def _check() -> Response:
    csrf.check_form()
    target = _target(request.form.get("next"))
    email = request.form.get("email", "").strip()
    accounts = services().accounts
    try:
        user = accounts.verify_password(email, request.form.get("password", ""))
        token = accounts.start_session(user)
    except Unauthenticated as error:
        return _refused(target, email, error.public)
    settings = services().settings
    former = sessions.read_cookie(settings, request)
    if former:
        accounts.sign_out(former)
    response = redirect(target, 303)
    sessions.set_cookie(settings, response, token)
    devices.set_cookie(settings, response, user)
    return response


def _target(untrusted_next: str | None) -> str:
    """The page to show after signing in."""
    return untrusted_next if untrusted_next and is_local(untrusted_next) else url_for("web.library")


def ask(trouble: str) -> Response:
    """The form in the place of what one must be signed in for, with the reason for it."""
    return _refused(url_for("web.library"), "", trouble)


def _refused(target: str, email: str, trouble: str) -> Response:
    return make_response(_form(target, email, trouble), 401)


def _form(target: str, email: str = "", trouble: str | None = None) -> str:
    return render_template("sign_in.html", next=target, email=email, trouble=trouble)


@blueprint.post("/sign-out")
def sign_out() -> Response:
    """End the session on the server and in the browser."""
    csrf.check_form()
    settings = services().settings
    token = sessions.read_cookie(settings, request)
    if token:
        services().accounts.sign_out(token)
    response = redirect(url_for("web.sign_in"), 303)
    sessions.clear_cookie(settings, response)
    return response
