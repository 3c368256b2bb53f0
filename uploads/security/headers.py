"""Headers on every answer of every status: Flask-Talisman, and what it lacks, in one place."""

from __future__ import annotations

from flask import Flask, Response, request
from flask_talisman import Talisman

from uploads.config import Settings
from uploads.security.hosts import CONTENT, on_content_host

REPORTS = "/csp-reports"
_CONTENT_CSP = (
    "sandbox; default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
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


def install(app: Flask, settings: Settings) -> None:
    """Set the headers of all answers, error answers included.

    HTTPS itself is the proxy's to enforce: a redirect here would break probes on plain loopback.
    """
    # Registered first, so it runs last and has the final word.
    app.after_request(lambda response: _complete(settings, response))
    Talisman(
        app,
        force_https=False,
        strict_transport_security=False,
        session_cookie_secure=settings.https,
        frame_options="DENY",
        referrer_policy="no-referrer",
        permissions_policy=_PERMISSIONS,
        content_security_policy=_app_policy(settings),
        content_security_policy_nonce_in=["script-src"],
        content_security_policy_report_uri=REPORTS,
    )


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


def _complete(settings: Settings, response: Response) -> Response:
    headers = response.headers
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Embedder-Policy"] = "require-corp"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["X-Permitted-Cross-Domain-Policies"] = "none"
    headers["Origin-Agent-Cluster"] = "?1"
    if request.endpoint == "static" and response.status_code == 200:
        # Built file names carry a hash of their content; the others are asked for again.
        built = (request.view_args or {}).get("filename", "").startswith("dist/assets/")
        headers["Cache-Control"] = "public, max-age=31536000, immutable" if built else "no-cache"
    headers.setdefault("Cache-Control", "no-store")
    if settings.https:
        headers["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains; preload"
    if request.blueprint == CONTENT or on_content_host():
        headers["Content-Security-Policy"] = _CONTENT_CSP
        # The app's pages show these pictures under COEP: require-corp. What guards them is the
        # short-lived token in their address, not their origin.
        if request.blueprint == CONTENT and response.status_code < 400:
            headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
