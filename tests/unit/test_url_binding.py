"""How the app binds a request's URL: as Flask does, with less to do."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from werkzeug.exceptions import BadHost
from werkzeug.test import EnvironBuilder

from uploads.app import _App

HOSTS = ["a.b", "A.B:80", "a.b:443", "a..b", "x" * 64, "[::1]:8000", "::1", "a b", "ä.de", ".a", ""]


def bound(app: Flask, scheme: str, host: str) -> list[Any] | type[Exception]:
    """What is made of a request, the second time that its host comes."""
    for _ in range(2):
        environ = EnvironBuilder(path="/x/1", query_string="q=1").get_environ()
        environ |= {"HTTP_HOST": host, "wsgi.url_scheme": scheme}
        request = app.request_class(environ)
        try:
            adapter = app.create_url_adapter(request)
        except BadHost:
            return BadHost
        assert adapter is not None
        found = {name: one for name, one in vars(adapter).items() if name != "map"}
        built = adapter.build("x", {"n": 2}, force_external=True)
        matched = adapter.match()
    return [request.host, found, matched, built]


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", HOSTS)
def test_it_is_bound_as_flask_binds_it(scheme: str, host: str) -> None:
    ours, theirs = _App("ours"), Flask("theirs")
    for app in (ours, theirs):
        app.add_url_rule("/x/<n>", "x", lambda n: str(n))
    assert bound(ours, scheme, host) == bound(theirs, scheme, host)
