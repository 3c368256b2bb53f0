"""The app finds the route of a request as Flask does, with less of a look around."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask, Request
from werkzeug.exceptions import HTTPException
from werkzeug.test import EnvironBuilder

from uploads.app import _App


def found(app: Flask, environ: dict[str, Any]) -> tuple[Any, ...]:
    """Where a request leads, and by which addresses a redirect would go on."""
    request = Request(dict(environ))
    try:
        adapter = app.create_url_adapter(request)
        assert adapter is not None
        base = adapter.server_name, adapter.url_scheme, adapter.script_name, adapter.subdomain
        rest = adapter.query_args, adapter.default_method, request.host
        return *base, *rest, adapter.match()
    except HTTPException as error:
        return type(error), getattr(error, "new_url", None)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"PATH_INFO": "/a/b"},
        {"PATH_INFO": "//a//b"},
        {"PATH_INFO": "/folder"},
        {"PATH_INFO": ""},
        {"PATH_INFO": "*"},
        {"PATH_INFO": "/a/\xc3\xa4"},
        {"PATH_INFO": "/a/\xff", "QUERY_STRING": "x=\xe4"},
        {"PATH_INFO": "/a/b", "QUERY_STRING": "x=1&y"},
        {"PATH_INFO": "/a/b", "SCRIPT_NAME": "/below"},
        {"PATH_INFO": "/a/b", "HTTP_HOST": "EXAMPLE.org:80"},
        {"PATH_INFO": "/a/b", "HTTP_HOST": "not a host"},
        {"PATH_INFO": "/a/b", "HTTP_HOST": "[::1]:8000", "wsgi.url_scheme": "https"},
        {"PATH_INFO": "/a/b", "HTTP_CONNECTION": "upgrade", "HTTP_UPGRADE": "websocket"},
        {"PATH_INFO": "/a/b", "REQUEST_METHOD": "DELETE"},
    ],
)
def test_it_leads_where_flask_leads(changes: dict[str, str]) -> None:
    environ = {**EnvironBuilder(path="/").get_environ(), **changes}
    ours, its = _App("one"), Flask("one")
    for app in (ours, its):
        app.add_url_rule("/", "home", lambda: "")
        app.add_url_rule("/a/<name>", "named", lambda name: name)
        app.add_url_rule("/folder/", "folder", lambda: "")
    assert found(ours, environ) == found(its, environ)
