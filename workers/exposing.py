"""Where workers stand alone: what they count, on a small listener of their own.

Beside a web process that shares their folder they need none: its /metrics shows all. One request
at a time, each for seconds, and only for who has the token.
"""

from __future__ import annotations

import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer

import structlog

from uploads import tallies
from uploads.config import Settings

_SECONDS = 5
_log = structlog.get_logger(__name__)


def expose(settings: Settings) -> HTTPServer | None:
    """Listen where the settings say so, on a thread; None where they do not, or it cannot be.

    Two workers of one machine share a folder: whoever has the port speaks for both.
    """
    if not settings.metrics_listen:
        return None
    host, _, port = settings.metrics_listen.rpartition(":")
    try:
        server = _Listener((host.strip("[]"), int(port)), _Handler)
    except OSError as error:
        _log.warning("metrics_not_shown", cause=str(error))
        return None
    server.settings = settings
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server


class _Listener(HTTPServer):
    settings: Settings


class _Handler(BaseHTTPRequestHandler):
    server: _Listener
    timeout = _SECONDS
    server_version = "uploads"
    sys_version = ""

    def do_GET(self) -> None:
        settings = self.server.settings
        token = settings.metrics_token.get_secret_value()
        if self.path != "/metrics":
            self._say(HTTPStatus.NOT_FOUND, b"")
        elif not tallies.authorized(self.headers.get("Authorization", ""), token):
            self._say(HTTPStatus.UNAUTHORIZED, b"")
        else:
            try:
                self._say(HTTPStatus.OK, tallies.exposition(settings.metrics_folder))
            except (OSError, ValueError) as error:
                _log.warning("metrics_not_shown", cause=str(error))
                self._say(HTTPStatus.SERVICE_UNAVAILABLE, b"")

    def _say(self, status: HTTPStatus, body: bytes) -> None:
        self.send_response(status)
        if status is HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", 'Bearer realm="metrics"')
        self.send_header("Content-Type", tallies.CONTENT_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: what strangers send is not repeated."""
