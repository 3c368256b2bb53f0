"""Which host answers which route: the app, the content host, or the operator's own network.

A route belongs to exactly one of them by its blueprint, so user content can never be reached on
the origin that has cookies, and a host outside the configured ones is misdirected (RFC 9110
section 15.5.20).
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from flask import Request, current_app, request
from werkzeug.exceptions import MethodNotAllowed

from uploads.config import Settings
from uploads.documents.errors import Malformed, Misdirected, NotFound
from uploads.security.principals import services

CONTENT = "content"
OPERATIONS = "operations"
# What people open themselves on the content host: there they are answered with a page.
_LINK_PAGES = ("/links/", "/tickets/")
_FORWARDING = ("Forwarded", "Via", "X-Real-Ip", "X-Client-Ip", "True-Client-Ip", "Cf-Connecting-Ip")


def check_host(asked: Request, settings: Settings) -> None:
    """Raises Misdirected for an unknown host and NotFound for a route of another host.

    Raises Malformed for none at all (RFC 9112 section 3.2): Werkzeug would take the server's own.
    """
    if came_for_metrics(asked, settings):
        if asked.endpoint != f"{OPERATIONS}.metrics":
            raise NotFound
        return
    blueprint = _blueprint(asked)
    if blueprint == OPERATIONS:
        check_internal(asked, settings)
        return
    if not asked.environ.get("HTTP_HOST"):
        raise Malformed
    host = asked.host.lower()  # RFC 9110 section 4.2.3; the settings' are in small letters
    for_content = host == _authority(settings.content_url)
    if not for_content and host != _authority(settings.public_url):
        raise Misdirected
    if for_content != (blueprint == CONTENT):
        raise NotFound


def _blueprint(asked: Request) -> str | None:
    """Whose route it is, also where only the method is wrong: it is asked for on its own host."""
    wrong = asked.routing_exception
    adapter = current_app.create_url_adapter(asked) if wrong is not None else None
    if adapter is None or not isinstance(wrong, MethodNotAllowed) or not wrong.valid_methods:
        return asked.blueprint
    endpoint, _ = adapter.match(method=next(iter(wrong.valid_methods)))
    return str(endpoint).rpartition(".")[0] or None


def on_content_host() -> bool:
    """Whether this request was sent to the content host."""
    return is_content_host(request, services().settings)


def is_link_page(asked: Request) -> bool:
    """Whether somebody opened a link, what is left of one (a mail may have broken its end), or what
    it led to."""
    return asked.path.startswith(_LINK_PAGES)


def is_app_host(asked: Request, settings: Settings) -> bool:
    """Whether `asked` was sent to the app's own host, whether or not it has such a route."""
    return asked.host.lower() == _authority(settings.public_url)


def is_content_host(asked: Request, settings: Settings) -> bool:
    """Whether `asked` was."""
    return asked.host.lower() == _authority(settings.content_url)


@lru_cache
def _authority(url: str) -> str:
    """Host and port of a setting, which is read once."""
    return urlsplit(url).netloc


def came_for_metrics(asked: Request, settings: Settings) -> bool:
    """Whether this request came to UPLOADS_WEB_METRICS_LISTEN.

    Of a unix socket gunicorn has no port but what the client wrote into Host, and no peer.
    """
    port = settings.web_metrics_port
    peer = asked.environ.get("uploads.peer") or ""
    return port is not None and bool(peer) and asked.environ["SERVER_PORT"] == str(port)


def check_internal(asked: Request, settings: Settings) -> None:
    """Raises NotFound unless the request comes from the inside."""
    if not is_internal(asked, settings):
        raise NotFound


def is_internal(asked: Request, settings: Settings) -> bool:
    """Whether the socket's peer is loopback or in UPLOADS_INTERNAL_NETS.

    A forwarding header means that a proxy stands between, and what is behind it is not internal.
    """
    for name, _ in asked.headers:
        if name in _FORWARDING or name.startswith("X-Forwarded"):
            return False
    peer = asked.environ.get("uploads.peer") or asked.environ.get("REMOTE_ADDR") or ""
    try:
        address = ip_address(peer)
    except ValueError:
        return False
    nets = [ip_network(net, strict=False) for net in settings.internal_nets]
    return address.is_loopback or any(address in net for net in nets)
