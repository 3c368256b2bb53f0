"""create_app(): the Flask application factory. Order matters here, and only here.

Every request passes: request id → caller → rate limit → host → the view; every answer passes the
security headers.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import structlog
from flask import Flask, Response, g, request
from werkzeug.middleware.proxy_fix import ProxyFix

from uploads import bodies, errors, logs, requests_counted, tallies
from uploads.api import blueprint as api
from uploads.api import linked  # noqa: F401  its views register on the content host's blueprint
from uploads.api.content import blueprint as content
from uploads.api.operations import blueprint as operations
from uploads.config import Settings
from uploads.deadlines import Pace
from uploads.documents.sniffing import sniff
from uploads.gauges import Gauges
from uploads.security import csrf, framing, headers, hosts, limits, principals, upload_limits
from uploads.web import blueprint as web
from uploads.web import pages
from uploads.wiring import Services, build

_FORM_BYTES = 64 * 1024
_SANE_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_log = structlog.get_logger(__name__)


class _App(Flask):
    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """As it is: there are no coroutines here, and Flask would look at each hook each time."""
        return func


def create_app(services: Services | None = None) -> Flask:
    """Make the application. Without `services` they are built from the environment."""
    if services is None:
        settings = Settings.load()
        logs.configure(settings.log_level, "web")
        tallies.begin(settings.metrics_folder)
        services = build(settings, web=True)
    settings = services.settings
    app = _App("uploads", static_folder="static", template_folder="templates")
    # Bounds what Werkzeug would ever read itself: forms and JSON. Uploads are read by our own
    # streaming reader, which has its own limits.
    app.config.update(MAX_CONTENT_LENGTH=_FORM_BYTES, MAX_FORM_PARTS=20, TRAP_HTTP_EXCEPTIONS=False)
    app.extensions["services"] = services
    app.extensions["uploads.gauges"] = Gauges(services)
    sniff(b"libmagic reads its database now, not during the first upload")
    app.wsgi_app = _middleware(app.wsgi_app, settings)  # type: ignore[method-assign]
    errors.install(app)
    headers.install(app, settings)
    app.before_request(_begin)
    app.before_request(_identify)
    limiter = limits.make_limiter(app, settings)
    app.extensions["uploads.limiter"] = limiter
    # After the limits: what is refused for its host is counted like anything else.
    app.before_request(framing.check_target)
    app.before_request(hosts.check_host)
    app.before_request(framing.check_coding)
    upload_limits.install(app, settings)
    app.before_request(upload_limits.enter)
    for blueprint in (api, web, content, operations):
        app.register_blueprint(blueprint)
    limits.apply(app, limiter, settings)
    app.after_request(lambda response: limits.add_rate_headers(limiter, response))
    app.after_request(upload_limits.leave)
    app.after_request(csrf.remember)
    app.after_request(_end)
    app.jinja_env.globals["csrf_token"] = csrf.token
    pages.install(app)
    return app


def _middleware(wsgi_app: Any, settings: Settings) -> Any:
    """Bound the body, and note the peer before forwarding headers are believed, if they are.

    Where the proxy has a socket of its own, whoever comes another way is not the proxy. A peer on
    a socket has no address.
    """
    proxies = settings.trusted_proxies
    behind_proxy = ProxyFix(wsgi_app, x_for=proxies, x_proto=proxies)

    pace = Pace(settings.body_rate, settings.body_rate_seconds) if settings.body_rate else None

    def enter(environ: dict[str, Any], start_response: Any) -> Any:
        peer = environ["uploads.peer"] = environ.get("REMOTE_ADDR", "")
        proxied = environ["uploads.proxied"] = proxies > 0 and not (settings.socket and peer)
        bodies.wrap(environ, pace)
        return (behind_proxy if proxied else wsgi_app)(environ, start_response)

    return enter


def _begin() -> None:
    given = request.headers.get("X-Request-Id", "")
    fine = request.environ["uploads.proxied"] and _SANE_ID.fullmatch(given)
    g.request_id = given if fine else secrets.token_hex(12)
    g.began = time.monotonic()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _identify() -> None:
    """Know the caller, where a caller matters: not for static files, content host, probes."""
    if request.endpoint != "static" and request.blueprint not in {hosts.CONTENT, hosts.OPERATIONS}:
        principals.identify()


def _end(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.get("request_id", "")
    body = bodies.inbound(request)
    if not body.exhausted:
        body.announce_end()
        response.call_on_close(body.linger)
    actor = principals.current_actor()
    probe = request.blueprint == hosts.OPERATIONS and response.status_code == HTTPStatus.OK
    route = str(request.url_rule) if request.url_rule else None
    door = request.blueprint or request.endpoint
    requests_counted.name_route(request.environ, route, door)
    note = _log.debug if probe else _log.info
    note(
        "request",
        method=request.method,
        route=route,
        status=response.status_code,
        user=actor.user_id if actor else None,
        seconds=round(time.monotonic() - g.get("began", time.monotonic()), 4),
    )
    return response
