"""What nginx answers itself, by every status that can be provoked: like an answer of the app's."""

from __future__ import annotations

import base64
import hashlib
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support import plain, raw
from tests.support.nginx import APP, CONTENT, STORE, Nginx
from tests.support.people import PATIENCE
from tests.support.waiting import eventually
from uploads.config import Settings
from uploads.security.headers import of_no_app

pytestmark = pytest.mark.one_database
LISTED = "https://tools.test"
# Stands for the app's, whose port is known when nginx runs.
OWN = "https://own.test"
# Of one answer, or of the connection; everything else is the house's.
OF_THE_ANSWER = {"allow", "connection", "content-length", "content-type", "date", "location"} | {
    "retry-after",
    "server",
    "x-request-id",
}


@pytest.fixture(scope="module")
def alone() -> Iterator[Nginx]:
    """nginx before a service that is not running."""
    server = Nginx()
    yield server.start()
    server.close()


@pytest.fixture(scope="module")
def listing() -> Iterator[Nginx]:
    """The same, where the pages of another origin are listed."""
    server = Nginx(changes={"$listed_origin {": f'$listed_origin {{\n    "{LISTED}" 1;'})
    yield server.start()
    server.close()


def request(target: str = "/", method: str = "GET", **headers: str) -> bytes:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return raw.head(method, target, {"Host": APP, **named})


PROVOKED: dict[str, tuple[bytes, int, str]] = {
    "not HTTP": (b"NONSENSE\r\n\r\n", 400, "malformed"),
    "unknown version": (b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", 400, "malformed"),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400, "malformed"),
    "NUL in the path": (request("/%00"), 400, "malformed"),
    "above the root": (request("/../x"), 400, "malformed"),
    "unknown coding": (request(Transfer_Encoding="gzip"), 400, "malformed"),
    "operators' probe": (request("/readyz"), 404, "not-found"),
    "page of nginx's own": (request("/.nginx/page"), 404, "not-found"),
    "TRACE": (request(method="TRACE"), 405, "method-not-allowed"),
    "announced body": (request(method="POST", Content_Length="131073"), 413, "body-too-large"),
    "announced file": (
        request("/api/v1/documents", "POST", Content_Length=str(101 * 2**20 + 1)),
        413,
        "file-too-large",
    ),
    "announced form": (
        request("/documents", "POST", Content_Length=str(6464 * 2**20 + 1)),
        413,
        "body-too-large",
    ),
    "another host": (request(Host="evil.example"), 421, "misdirected"),
    "long line": (request("/" + "a" * 9000), 431, "headers-too-large"),
    "long header": (request(X="a" * 9000), 431, "headers-too-large"),
    "many headers": (request(**{f"X{n}": "a" * 4000 for n in range(9)}), 431, "headers-too-large"),
    "nobody behind it": (request(), 502, "unavailable"),
    "nobody to take a file": (
        request("/api/v1/documents", "POST", Content_Length=str(2**20)),
        502,
        "unavailable",
    ),
}


def expected_headers() -> dict[str, str]:
    """What the app sends where nobody knows the host: the one truth."""
    settings = Settings(public_url=f"https://{APP}")
    return {name.lower(): value for name, value in of_no_app(settings).items()}


def house_headers(found: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in found.items() if name not in OF_THE_ANSWER}


@pytest.mark.parametrize("case", PROVOKED)
def test_a_program_gets_a_problem_under_all_headers(alone: Nginx, case: str) -> None:
    """problem+json with the contract's code, exactly the app's headers, and its id in the log."""
    sent, status, code = PROVOKED[case]
    answer = alone.exchange(sent)
    assert (answer.status, answer.code) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["status"] == status
    assert answer.json["type"].endswith(f"/problems/{code}")
    assert answer.json["request_id"] == answer.headers["x-request-id"]
    assert house_headers(answer.headers) == expected_headers()
    assert ("allow" in answer.headers) == (status == 405)
    assert ("retry-after" in answer.headers) == (status == 502)
    assert answer.headers["server"] == "nginx"
    eventually(lambda: f'"request_id":"{answer.headers["x-request-id"]}"' in alone.log(), PATIENCE)


@pytest.mark.parametrize(
    ("host", "target", "code"),
    [
        (APP, "/api/v1/documents?name=a.mp4", "file-too-large"),
        (STORE, "/incoming/a/b?X-Amz-Signature=0", "file-too-large"),
        (APP, "/api/v1/documents/x", "body-too-large"),
        (APP, "/api/v1/links?x=/api/v1/documents", "body-too-large"),
        (CONTENT, "/api/v1/documents", "body-too-large"),
    ],
)
def test_whoever_sends_too_large_a_file_is_told_the_limit(
    alone: Nginx, host: str, target: str, code: str
) -> None:
    """As the app tells it; what is no file has none."""
    length = str(Settings(public_url=f"https://{APP}").max_file_bytes + 2**20 + 1)
    fields = {"Host": f"{host}:{alone.port}", "Content-Length": length}
    answer = alone.exchange(raw.head("POST", target, fields), name=host)
    assert (answer.status, answer.code) == (413, code)
    limit = {"file-too-large": 100 * 2**20}.get(code)
    assert answer.json.get("limit") == limit


@pytest.mark.parametrize(
    ("host", "target", "origin", "readable"),
    [
        (APP, "/api/v1/documents", LISTED, True),
        (APP, "/api/v1/me?x=1", LISTED, True),
        (APP, "/api/v1/me", f"{LISTED}.evil.test", False),
        (APP, "/api/v1/me", "null", False),
        (APP, "/api/v1/me", "", False),
        (APP, "/sign-in", LISTED, False),
        (CONTENT, "/api/v1/me", LISTED, False),
        (APP, "/sign-in", OWN, False),
        (STORE, "/incoming/abc/def", LISTED, True),
        (STORE, "/incoming/abc/def", OWN, True),
        (STORE, "/incoming/abc/def", f"{OWN}0", False),
        (STORE, "/incoming/abc/def", f"x|{OWN}", False),
        (STORE, "/incoming/abc/def", f"1|{LISTED}", False),
        (STORE, "/incoming/abc/def", "null", False),
        (CONTENT, "/incoming/abc/def", OWN, False),
    ],
)
def test_a_page_of_a_listed_origin_reads_refusals_of_the_api_and_of_the_store(
    listing: Nginx, host: str, target: str, origin: str, readable: bool
) -> None:
    """So does the app's own page, of the store. Never with credentials; caches are told."""
    origin = origin.replace(OWN, listing.app_url)
    fields = {"Host": f"{host}:{listing.port}", **({"Origin": origin} if origin else {})}
    answer = listing.exchange(raw.head("GET", target, fields), name=host)
    assert answer.status in {404, 502}
    assert answer.headers.get("access-control-allow-origin") == (origin if readable else None)
    assert answer.headers.get("vary") == ("Origin" if readable else None)
    assert ("access-control-expose-headers" in answer.headers) is readable
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("target", ["/", f"{APP}:443", "evil.example:22"])
def test_it_is_no_tunnel(alone: Nginx, target: str) -> None:
    """CONNECT is refused, by which of the two statuses depends on nginx's version."""
    answer = alone.exchange(request(target, "CONNECT"))
    assert (answer.status, answer.code) in {(400, "malformed"), (405, "method-not-allowed")}
    assert house_headers(answer.headers) == expected_headers()


@pytest.mark.parametrize("case", ["another host", "long line", "nobody behind it"])
def test_a_person_gets_a_page_under_all_headers(alone: Nginx, case: str) -> None:
    """HTML for a browser; its one style is the only thing that the policy lets in besides."""
    sent, status, code = PROVOKED[case]
    # Before the rest: of a request that is too long nginx reads no further.
    first, rest = sent.split(b"\r\n", 1)
    if case == "long line":
        first, rest = b"GET / HTTP/1.1", b"Accept: text/html\r\nX: " + b"a" * 9000 + b"\r\n" + rest
    answer = alone.exchange(first + b"\r\nAccept: text/html,*/*;q=0.8\r\n" + rest)
    assert answer.status == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    page = answer.body.decode()
    assert f"<code>{code}</code>" in page
    assert answer.headers["x-request-id"] in page
    (style,) = re.findall("<style>(.*?)</style>", page, re.S)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    found, wanted = house_headers(answer.headers), expected_headers()
    assert f"; style-src 'sha256-{digest}'" in found["content-security-policy"]
    found["content-security-policy"] = found["content-security-policy"].replace(
        f"; style-src 'sha256-{digest}'", ""
    )
    assert found == wanted


@pytest.mark.parametrize(
    ("accept", "target", "kind"),
    [
        ("text/html", "/x", "text/html; charset=utf-8"),
        ("text/html", "/api/v1/me", "application/problem+json"),
        ("application/json", "/x", "application/problem+json"),
        ("application/json, text/html;q=0.5", "/x", "application/problem+json"),
        ("*/*", "/x", "application/problem+json"),
        ("", "/x", "application/problem+json"),
    ],
)
def test_pages_are_for_those_who_ask_for_them(
    alone: Nginx, accept: str, target: str, kind: str
) -> None:
    """The app's own rule: HTML outside of /api, for those who prefer it."""
    assert alone.exchange(request(target, Accept=accept)).headers["content-type"] == kind


def test_head_has_the_headers_alone(alone: Nginx) -> None:
    """A HEAD that nginx answers itself has no body."""
    with alone.client() as client:
        answer = client.head("/")
    assert answer.status_code == 502
    assert answer.content == b""


def test_a_service_that_does_not_answer_is_504(tmp_path: Path) -> None:
    """A socket that takes the request and is silent ends as a problem, not in a wait."""
    silent = Path("/tmp") / f"ngx-silent-{tmp_path.name[-8:]}-{id(tmp_path):x}.sock"
    server = Nginx(silent, {"proxy_read_timeout 120s;": "proxy_read_timeout 1s;"})
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(silent))
            listener.listen()
            answer = server.start().exchange(request())
    finally:
        server.close()
        silent.unlink()
    assert (answer.status, answer.code) == (504, "unavailable")
    assert house_headers(answer.headers) == expected_headers()


def test_a_socket_that_nobody_listens_on_is_502(alone: Nginx) -> None:
    """What gunicorn leaves behind when it is killed."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(alone.upstream))
    try:
        assert alone.exchange(request()).status == 502
    finally:
        alone.upstream.unlink()


# --- without TLS ---


def plainly(server: Nginx, method: str, target: str, host: str = APP) -> httpx.Response:
    headers = {"Host": host, "Accept": "text/html"}
    return plain.request(method, f"http://127.0.0.1:{server.plain_port}{target}", headers=headers)


def without_tls() -> dict[str, str]:
    headers = expected_headers()
    del headers["strict-transport-security"]
    return headers


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_browser_without_tls_is_led_to_it(alone: Nginx, method: str) -> None:
    """A permanent redirect to the configured address; HSTS would mean nothing here."""
    answer = plainly(alone, method, "//evil.example/%2e?a=b")
    assert answer.status_code == 301
    assert answer.headers["Location"] == f"{alone.app_url}//evil.example/%2e?a=b"
    assert house_headers(dict(answer.headers)) == without_tls()


@pytest.mark.parametrize(("method", "target"), [("POST", "/sign-in"), ("GET", "/api/v1/me")])
def test_keys_and_passwords_without_tls_are_refused(alone: Nginx, method: str, target: str) -> None:
    """A redirect would hide that the secret has been shown to the network."""
    answer = plainly(alone, method, target)
    assert answer.status_code == 403
    assert "HTTPS" in answer.text
    assert "strict-transport-security" not in answer.headers


def test_another_host_without_tls_is_misdirected(alone: Nginx) -> None:
    """No redirect is made of a name that somebody sent."""
    answer = plainly(alone, "GET", "/", "evil.example")
    assert answer.status_code == 421
    assert "Location" not in answer.headers


def test_plain_http_on_the_tls_port_is_a_problem(alone: Nginx) -> None:
    """Somebody who mixed up the ports is told so in the house's form."""
    answer = plain.get(f"http://127.0.0.1:{alone.port}/", headers={"Host": APP})
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert house_headers(dict(answer.headers)) == without_tls()
