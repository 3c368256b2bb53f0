"""Headers on every answer of every status: Flask-Talisman, and what it lacks, in one place.

They are the last thing that happens to an answer and depend on no hook: one that fails takes its
own header with it, and none of these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask import Flask, Request, Response, request
from flask_talisman import Talisman
from werkzeug.datastructures import Headers

from uploads.answers import Answer, Common
from uploads.config import Settings
from uploads.documents.kinds import PLAYED, SHOWN
from uploads.security import cors
from uploads.security.hosts import CONTENT, is_content_host, is_link_page
from uploads.security.principals import present

REPORTS = "/csp-reports"
_NOTHING_ELSE = "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_CONTENT_CSP = f"sandbox; default-src 'none'; {_NOTHING_ELSE}"
# Around a picture or a film that it shows by itself a browser makes a page of its own, under the
# picture's policy. A picture's page only wants its style. A film has our page, with a player that
# loads it, and without an origin `Cross-Origin-Resource-Policy: same-origin` keeps it out. The
# origin gives nothing else away: no script runs (no `allow-scripts`, default-src 'none'), nobody
# frames it, and this host knows no cookie. A browser that makes its own page of the film is let do
# so (it says in its Accept that it takes no HTML): nosniff keeps the film from being read as one.
_DRAWN_CSP = f"sandbox; default-src 'none'; style-src 'unsafe-inline'; {_NOTHING_ELSE}"
_PLAYED_CSP = f"sandbox allow-same-origin; default-src 'none'; media-src 'self'; {_NOTHING_ELSE}"
_PLAYER_CSP = f"{_PLAYED_CSP}; style-src 'self'"
_DRAWN = frozenset(one for one in SHOWN if one.startswith("image/"))
# What these answer in HTML is a page of ours: the form for a link's password.
_FOR_ALL = frozenset({f"{CONTENT}.rendition", f"{CONTENT}.form_style"})
_BY_LINK = f"{CONTENT}.fetch"
_PERMISSIONS = dict.fromkeys(
    (
        "accelerometer",
        "browsing-topics",
        "camera",
        "display-capture",
        "geolocation",
        "gyroscope",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "usb",
        "xr-spatial-tracking",
    ),
    "()",
)
_EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Permitted-Cross-Domain-Policies": "none",
    "Origin-Agent-Cluster": "?1",
}
_NOT_KEPT = {"Cache-Control": "no-store"}
_FRAMES, _REFERRER = "DENY", "no-referrer"
_HSTS = "max-age=63072000; includeSubDomains; preload"


def install(app: Flask, settings: Settings) -> None:
    """Set the headers of all answers, error answers included.

    HTTPS itself is the proxy's to enforce: a redirect here would break probes on plain loopback.
    """
    app.response_class = Answer
    _talisman(app, settings)
    # Talisman's last hook would be skipped whenever one that runs before it fails.
    talismans = app.after_request_funcs[None].pop()
    # Its first ones are a redirect, which is off, and a nonce, which only pages want.
    make_nonce = app.before_request_funcs[None].pop()
    app.before_request_funcs[None].pop()
    hooks = app.process_response

    def nonce() -> str:
        make_nonce()
        return str(request.csp_nonce)  # type: ignore[attr-defined]

    def process(response: Response) -> Response:
        try:
            response = hooks(response)
        finally:
            # In place: after a failed hook Flask sends the answer that it had before.
            current = present()
            cors.permit(current, settings, response)
            if hasattr(current, "csp_nonce"):
                talismans(response)
                _complete(settings, response, _EVERYWHERE)
            elif isinstance(response, Answer) and _is_common(current, settings):
                response.common = common
            else:
                _complete(settings, response, fixed)
        return response

    app.jinja_env.globals["csp_nonce"] = nonce
    app.process_response = process  # type: ignore[method-assign]
    fixed = {**_set_for_no_page(app, talismans), **_EVERYWHERE}
    common = Common({**fixed, **_transport(settings)}, _NOT_KEPT)


def _talisman(app: Flask, settings: Settings) -> None:
    Talisman(
        app,
        force_https=False,
        strict_transport_security=False,
        session_cookie_secure=settings.https,
        frame_options=_FRAMES,
        referrer_policy=_REFERRER,
        permissions_policy=_PERMISSIONS,
        content_security_policy=_app_policy(settings),
        content_security_policy_nonce_in=["script-src"],
        content_security_policy_report_uri=REPORTS,
    )


def _set_for_no_page(app: Flask, talismans: Callable[[Response], object]) -> dict[str, str]:
    """What Talisman sets for answers that are no pages: the same each time, so it is asked once."""
    with app.test_request_context():
        blank = Response()
        before = set(blank.headers.keys())
        talismans(blank)
        return {name: text for name, text in blank.headers if name not in before}


def of_no_app(settings: Settings) -> dict[str, str]:
    """The headers of an answer that the app never saw: nobody knows for which host it is."""
    return {
        **_EVERYWHERE,
        "X-Frame-Options": _FRAMES,
        "Referrer-Policy": _REFERRER,
        "Permissions-Policy": ", ".join(f"{name}={who}" for name, who in _PERMISSIONS.items()),
        "Content-Security-Policy": _CONTENT_CSP,
        **_NOT_KEPT,
        **_transport(settings),
    }


def _transport(settings: Settings) -> dict[str, str]:
    return {"Strict-Transport-Security": _HSTS} if settings.https else {}


def _is_common(asked: Request, settings: Settings) -> bool:
    return asked.endpoint != "static" and not _is_for_content(asked, settings)


def _is_for_content(asked: Request, settings: Settings) -> bool:
    return asked.blueprint == CONTENT or is_content_host(asked, settings)


def _app_policy(settings: Settings) -> dict[str, str]:
    return {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": f"'self' data: {settings.content_url}",
        "font-src": "'self'",
        "connect-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
        "object-src": "'none'",
        "manifest-src": "'self'",
    }


def _content_policy(settings: Settings, response: Response) -> str:
    if request.endpoint == _BY_LINK and response.status_code in {200, 206}:
        return of_linked(response.mimetype or "", response.headers.get("Content-Disposition", ""))
    if is_link_page(request) and response.mimetype == "text/html":
        return _form_policy(settings)
    return _CONTENT_CSP


def of_linked(mimetype: str, disposition: str) -> str:
    """The policy of what a link hands out: a little wider for films and pictures shown.

    A page without a disposition is our own, with a player; a web page that was uploaded has one.
    """
    if not disposition and mimetype == "text/html":
        return _PLAYER_CSP
    if disposition.partition(";")[0] != "inline":
        return _CONTENT_CSP
    if mimetype in PLAYED:
        return _PLAYED_CSP
    return _DRAWN_CSP if mimetype in _DRAWN else _CONTENT_CSP


def _form_policy(settings: Settings) -> str:
    """The content host's policy with one form, whose answer may become a download.

    The host is named, for a sandboxed page has no origin that 'self' could mean.
    """
    host = settings.content_url
    return (
        f"sandbox allow-forms allow-downloads; default-src 'none'; style-src {host}; "
        f"form-action {host}; frame-ancestors 'none'; base-uri 'none'"
    )


def _complete(settings: Settings, response: Response, fixed: Mapping[str, str]) -> None:
    """Put `fixed` in the place of what the answer has under these names, and add the rest."""
    kept = [(name, text) for name, text in response.headers if name not in fixed]
    headers = response.headers = Headers([*kept, *fixed.items()])
    if request.endpoint == "static" and response.status_code == 200:
        # Built file names carry a hash of their content; the others are asked for again.
        built = (request.view_args or {}).get("filename", "").startswith("dist/assets/")
        headers["Cache-Control"] = "public, max-age=31536000, immutable" if built else "no-cache"
    for name, text in _NOT_KEPT.items():
        headers.setdefault(name, text)
    headers.update(_transport(settings))
    if _is_for_content(request, settings):
        headers["Content-Security-Policy"] = _content_policy(settings, response)
        headers["X-Robots-Tag"] = "noindex"
        # The app's pages show these pictures under COEP: require-corp. What guards them is the
        # short-lived token in their address, not their origin. A sandboxed page has no origin that
        # its own style could be of.
        if request.endpoint in _FOR_ALL and response.status_code < 400:
            headers["Cross-Origin-Resource-Policy"] = "cross-origin"
