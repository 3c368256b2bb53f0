"""What every answer carries, whatever its status."""

from __future__ import annotations

import re

import httpx

EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}
_USED = re.compile(r'nonce="([^"]*)"')
_NONCE = re.compile(r"'nonce-[\w+/=-]{16,}'")


def assert_secure(answer: httpx.Response, *, content_host: bool = False) -> None:
    """Every header of the house, with the policy of the host that answered."""
    headers = answer.headers
    for name, value in EVERYWHERE.items():
        assert headers.get(name) == value, (name, headers)
    assert re.fullmatch(r"[\w.-]{8,64}", headers["X-Request-Id"])
    assert "camera=()" in headers["Permissions-Policy"]
    assert "Cache-Control" in headers
    assert "uploads" not in headers.get("X-Powered-By", "")
    assert not re.search(r"gunicorn|werkzeug|python", headers.get("Server", ""), re.IGNORECASE)
    assert "Access-Control-Allow-Origin" not in headers
    policy = _directives(headers["Content-Security-Policy"])
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["base-uri"] == "'none'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    if content_host:
        assert "sandbox" in policy
        assert "Set-Cookie" not in headers
        assert headers["Cross-Origin-Resource-Policy"] in {"cross-origin", "same-origin"}
    else:
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert policy["object-src"] == "'none'"
        assert policy["form-action"] == "'self'"
        _assert_nonce(answer, policy["script-src"])
    for cookie in headers.get_list("Set-Cookie"):
        assert "HttpOnly" in cookie
        assert "SameSite=" in cookie


def _assert_nonce(answer: httpx.Response, sources: str) -> None:
    """A page allows the scripts that carry its own nonce; what is no page allows none by nonce."""
    own, *nonces = sources.split()
    assert own == "'self'"
    if "html" not in answer.headers.get("Content-Type", ""):
        assert nonces == []
    elif answer.request.method != "HEAD":
        used = set(_USED.findall(answer.text))
        assert nonces == [f"'nonce-{one}'" for one in used]
    assert all(_NONCE.fullmatch(one) for one in nonces)


def _directives(policy: str) -> dict[str, str]:
    parts = (part.strip().partition(" ") for part in policy.split(";"))
    return {name: value for name, _, value in parts}
