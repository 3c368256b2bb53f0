"""create_app(): the Flask application factory. Order matters here, and only here.

Every request passes: request id → caller → rate limit → host → the view; every answer passes the
security headers.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from functools import cached_property, lru_cache, partial
from http import HTTPStatus
from typing import Any

import structlog
from flask import Flask, Request, Response, g
from flask.sessions import NullSession, SessionInterface, SessionMixin
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import MapAdapter
from werkzeug.sansio.utils import get_host

from uploads import bodies, errors, logs, requests_counted, tallies
from uploads.api import blueprint as api
from uploads.api import linked  # noqa: F401  its views register on the content host's blueprint
from uploads.api.content import blueprint as content
from uploads.api.operations import blueprint as operations
from uploads.config import Settings
from uploads.deadlines import Pace
from uploads.documents.model import Actor
from uploads.documents.sniffing import sniff
from uploads.gauges import Gauges
from uploads.schema import refuse_other_schema
from uploads.security import cors, csrf, framing, headers, hosts, limits, principals, upload_limits
from uploads.security.addresses import Forwarded
from uploads.security.one_trip import OneTripLimiter
from uploads.web import blueprint as web
from uploads.web import pages
from uploads.wiring import Services, build

_FORM_BYTES = 64 * 1024
_ACCEPT_CHARS = 1000
# gunicorn's word for an app that cannot be loaded: no process starts (`Arbiter.APP_LOAD_ERROR`).
_NOT_LOADED = 4
_log = structlog.get_logger(__name__)
_SANE_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


class _NoSessions(SessionInterface):
    """Flask's own sessions are not used: ours are in the database."""

    _none = NullSession()

    def open_session(self, app: Flask, request: Request) -> NullSession:
        del app, request
        return self._none

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """There is none."""


class _Asked(Request):
    # Bounds what Werkzeug would ever read itself: forms and JSON. Uploads are read by our own
    # streaming reader, which has its own limits.
    max_content_length = _FORM_BYTES

    @cached_property
    def blueprint(self) -> str | None:
        """As Flask's, found once: a request is matched before anybody asks."""
        return super().blueprint

    @cached_property
    def accept_mimetypes(self) -> MIMEAccept:
        """As Werkzeug's, of what a client has to say in a line: for 60 KB it took 80 ms."""
        return parse_accept_header(self.headers.get("Accept", "")[:_ACCEPT_CHARS], MIMEAccept)


class _App(Flask):
    request_class = _Asked
    session_interface = _NoSessions()

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """As Flask's, for one map without host names: the environment is looked through once."""
        if request is None:
            return None
        environ = request.environ
        path, query = environ.get("PATH_INFO", ""), environ.get("QUERY_STRING", "")
        given = environ.get("HTTP_HOST", "")
        plain = path.isascii() and query.isascii() and not environ.get("SCRIPT_NAME")
        if not plain or not given or "HTTP_UPGRADE" in environ:
            return super().create_url_adapter(request)
        scheme, method = environ["wsgi.url_scheme"], environ["REQUEST_METHOD"]
        request.host, server = self._named(scheme, given)
        return MapAdapter(self.url_map, server, "/", "", scheme, path, method, query)

    @cached_property
    def _named(self) -> Callable[[str, str], tuple[str, str]]:
        """A Host as requests have it and as the map has it. Raises BadHost for what is no name."""

        def names(scheme: str, given: str) -> tuple[str, str]:
            host = get_host(scheme, given)
            return host, self.url_map.bind(host).server_name

        return lru_cache(maxsize=256)(names)

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """As it is: there are no coroutines here, and Flask would look at each hook each time."""
        return func


def create_app(services: Services | None = None) -> Flask:
    """Make the application. Without `services` they are built from the environment."""
    if services is None:
        settings = Settings.load()
        logs.configure(settings.log_level, "web")
        tallies.begin(settings.metrics_folder, requests=True)
        services = build(settings, web=True)
        refuse_other_schema(services.records, "refuses_to_start", _NOT_LOADED)
    settings = services.settings
    app = _App("uploads", static_folder="static", template_folder="templates")
    app.config.update(MAX_FORM_PARTS=20, TRAP_HTTP_EXCEPTIONS=False)
    # Two addresses are two: `//documents` is no other way to write `/documents`.
    app.url_map.merge_slashes = False
    app.extensions["services"] = services
    app.extensions["uploads.gauges"] = Gauges(services)
    sniff(b"libmagic reads its database now, not during the first upload")
    app.wsgi_app = _middleware(app.wsgi_app, settings)  # type: ignore[method-assign]
    errors.install(app)
    headers.install(app, settings)
    limiter = limits.make_limiter(app, settings)
    app.extensions["uploads.limiter"] = limiter
    entrance = app.extensions["uploads.entrance"] = upload_limits.install(settings)
    # Flask-Limiter's own hooks: `_arrive` asks it in its turn, its headers are not ours, and what
    # it knows of a request goes with the request.
    app.before_request_funcs[None].pop()
    app.after_request_funcs[None].pop()
    app.teardown_request_funcs[None].pop()
    app.before_request(partial(_arrive, services, limiter, entrance))
    for blueprint in (api, web, content, operations):
        app.register_blueprint(blueprint)
    limits.apply(app, limiter, settings)
    app.after_request(partial(_depart, limiter))
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
    forwarded = Forwarded(proxies, time.monotonic)

    pace = Pace(settings.body_rate, settings.body_rate_seconds) if settings.body_rate else None

    def enter(environ: dict[str, Any], start_response: Any) -> Any:
        peer = environ["uploads.peer"] = environ.get("REMOTE_ADDR", "")
        proxied = environ["uploads.proxied"] = proxies > 0 and not (settings.socket and peer)
        if proxied:
            forwarded.look(environ.get("HTTP_X_FORWARDED_FOR", ""), peer)
        bodies.wrap(environ, pace)
        return (behind_proxy if proxied else wsgi_app)(environ, start_response)

    return enter


def _arrive(
    services: Services, limiter: OneTripLimiter, entrance: upload_limits.Entrance
) -> Response | None:
    """All that comes before a view, in this order. Flask's proxies are looked through once.

    A browser that asks first may ask where there is no view: else its page cannot read the 404.
    """
    asked, kept = principals.present(), g._get_current_object()
    _begin(asked, kept)
    actor = kept.actor = _identify(asked, services)
    if actor is not None and upload_limits.limited_here(asked, actor):
        entrance.enter(asked, kept, actor)
    else:
        limiter.count(asked, actor)
    # After the limits: what is refused for its host is counted like anything else.
    framing.check_target(asked)
    hosts.check_host(asked, services.settings)
    framing.check_coding(asked)
    framing.check_query(asked)
    nowhere = asked.routing_exception is not None
    return Response() if nowhere and cors.is_asked_first(asked, services.settings) else None


def _begin(asked: Request, kept: Any) -> None:
    given = asked.environ.get("HTTP_X_REQUEST_ID", "")
    fine = asked.environ["uploads.proxied"] and _SANE_ID.fullmatch(given)
    kept.request_id = given if fine else os.urandom(12).hex()
    kept.began = time.monotonic()
    # In the place of the earlier request's on this connection; nothing else is ever bound.
    structlog.contextvars.bind_contextvars(request_id=kept.request_id)


def _identify(asked: Request, services: Services) -> Actor | None:
    """Know the caller, where a caller matters: not for static files, content host, probes."""
    if asked.endpoint == "static" or asked.blueprint in {hosts.CONTENT, hosts.OPERATIONS}:
        return None
    if "HTTP_AUTHORIZATION" not in asked.environ and cors.is_from_elsewhere(
        asked, services.settings
    ):
        return None
    return principals.identify(asked, services)


def _depart(limiter: OneTripLimiter, response: Response) -> Response:
    """All that comes after a view, in this order."""
    asked, kept = principals.present(), g._get_current_object()
    _end(asked, kept, response)
    csrf.remember(kept, response)
    ticket = kept.get("ticket")
    if ticket is None:
        limits.add_rate_headers(limiter, response)
    else:
        upload_limits.leave(asked, ticket, response)
    return response


def _end(asked: Request, kept: Any, response: Response) -> None:
    # Nobody else writes it; to look for it costs more than to add it.
    response.headers.add("X-Request-Id", kept.get("request_id", ""))
    body = bodies.inbound(asked)
    if not body.exhausted:
        body.announce_end()
        response.call_on_close(body.linger)
    actor, status = kept.get("actor"), response.status_code
    blueprint = asked.blueprint
    route = asked.url_rule.rule if asked.url_rule else None
    requests_counted.name_route(asked.environ, route, blueprint or asked.endpoint)
    note = logs.probed if blueprint == hosts.OPERATIONS and status == HTTPStatus.OK else logs.asked
    now = time.monotonic()
    note(
        method=asked.method,
        route=route,
        status=status,
        user=actor.user_id if actor else None,
        seconds=round(now - kept.get("began", now), 4),
    )
