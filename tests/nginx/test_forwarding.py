"""What passes through nginx, and what does not: headers, hosts, paths, and the log."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator

import httpx
import pytest

from tests.support import plain, raw, samples
from tests.support.headers import assert_secure
from tests.support.nginx import APP, CONTENT, Nginx
from tests.support.people import PATIENCE, Person
from tests.support.stack import Stack
from tests.support.waiting import eventually
from uploads.config import Settings
from uploads.security.headers import of_no_app

# Nothing of this has to do with the database: once is enough.
pytestmark = pytest.mark.one_database

FORGED = {
    "X-Forwarded-For": "203.0.113.7",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "1",
    "X-Forwarded-Prefix": "/evil",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Ssl": "off",
    "Forwarded": "for=203.0.113.7;host=evil.example;proto=http",
    "X-Real-IP": "203.0.113.7",
    "X-Client-IP": "203.0.113.7",
    "True-Client-IP": "203.0.113.7",
    "CF-Connecting-IP": "203.0.113.7",
    "X-Original-URL": "/api/v1/policy",
    "X-Rewrite-URL": "/api/v1/policy",
    "X-HTTP-Method-Override": "DELETE",
    "X-Host": "evil.example",
    "X-Request-Id": "an-id-of-my-own-choice",
    "SCRIPT_NAME": "/evil",
    "PATH_INFO": "/api/v1/policy",
    "X_Forwarded_For": "203.0.113.7",
}


def left(answer: httpx.Response) -> int:
    """What is left of the budget that the request was counted against."""
    return int(re.findall(r"r=(\d+)", answer.headers["RateLimit"])[0])


@pytest.mark.parametrize(
    ("target", "status"), [("/api/v1/policy", 401), ("/sign-in", 200), ("/nowhere", 404)]
)
def test_an_answer_of_the_app_has_its_own_headers_once(
    nginx: Nginx, proxied: Stack, target: str, status: int
) -> None:
    """nginx adds nothing to them, doubles nothing, and takes nothing away."""
    with nginx.client() as client:
        answer = client.get(target)
    assert answer.status_code == status, proxied.tail()
    assert_secure(answer)
    for name in of_no_app(Settings(public_url=nginx.app_url)):
        assert len(answer.headers.get_list(name)) == 1, name


@pytest.mark.usefixtures("proxied")
def test_forged_headers_change_nothing(nginx: Nginx) -> None:
    """Under every name that some server believes: same budget, same address, same answer."""
    with nginx.client() as client:
        before = left(client.get("/sign-in"))
        for name, value in FORGED.items():
            for twice in (False, True):
                answer = client.get("/sign-in", headers=[(name, value)] * (1 + twice))
                before -= 1
                assert answer.status_code == 200, name
                # Another address would have a budget of its own, and a whole one.
                assert left(answer) == before, name
                assert "evil" not in answer.text + str(answer.headers), name
                assert answer.headers["X-Request-Id"] != FORGED["X-Request-Id"]
                assert "Secure" in answer.headers.get("Set-Cookie", "Secure")


@pytest.mark.usefixtures("proxied")
def test_the_app_sees_the_peer_of_nginx(nginx: Nginx) -> None:
    """Another peer is another client for the app: here as a load balancer in front would tell."""
    trust = "set_real_ip_from 127.0.0.1; real_ip_header X-Test-Peer; keepalive_timeout 30s;"
    server = nginx.twin({"keepalive_timeout 30s;": trust})
    try:
        with server.start().client() as client:
            # Two of one /64 share a budget; the others have their own.
            peers = ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", "2001:db8:0:2::1", "198.51.100.9")
            budgets = [left(client.get("/sign-in", headers={"X-Test-Peer": one})) for one in peers]
    finally:
        server.close()
    assert [budget - budgets[0] for budget in budgets] == [0, -1, 0, 0]


def test_without_nginx_nobody_is_believed(nginx: Nginx, proxied: Stack) -> None:
    """Whoever reaches the port on loopback is not the proxy, whatever is in the request."""
    headers = {"Host": f"{APP}:{nginx.port}", "X-Request-Id": "an-id-of-my-own-choice"}
    here = f"http://127.0.0.1:{proxied.port}/sign-in"
    honest = plain.get(here, headers=headers)
    forged = plain.get(here, headers={**headers, "X-Forwarded-For": "203.0.113.8"})
    assert left(forged) == left(honest) - 1
    assert "an-id-of-my-own-choice" not in forged.headers["X-Request-Id"]


@pytest.mark.usefixtures("proxied")
@pytest.mark.parametrize(
    "path",
    [
        *("/livez", "/readyz", "/metrics", "//livez", "/%6civez", "/readyz/", "/x/../livez"),
        *("/./readyz", "/livez?x", "/livez/.", "/%2e/livez", "/livez;x", "/LIVEZ", "/livez%00"),
    ],
)
@pytest.mark.parametrize("host", [APP, CONTENT])
def test_probes_are_not_to_be_had(nginx: Nginx, host: str, path: str) -> None:
    """However the path is written, nobody behind nginx is inside."""
    answer = nginx.exchange(raw.head("GET", path, {"Host": host}), name=host)
    assert answer.status in {400, 404}
    assert b'"status":"ok"' not in answer.body


@pytest.mark.usefixtures("proxied")
@pytest.mark.parametrize(
    ("line", "host", "status"),
    [
        ("GET https://evil.example/sign-in HTTP/1.1", APP, 421),
        ("GET https://uploads.test/sign-in HTTP/1.1", "evil.example", 200),
        ("GET /sign-in HTTP/1.1", "evil.example", 421),
        ("GET /sign-in HTTP/1.1", "uploads.test.evil.example", 421),
        ("GET /sign-in HTTP/1.1", "evil.example:443", 421),
        ("GET /sign-in HTTP/1.1", "127.0.0.1", 421),
        ("GET /sign-in HTTP/1.1", "uploads.test\r\nHost: evil.example", 400),
        ("GET /sign-in HTTP/1.1", "uploads.test/evil", 400),
        ("GET /sign-in HTTP/1.1", "evil.example@", None),
        ("GET /sign-in HTTP/1.1", "uploads.test@evil.example", None),
        ("GET /sign-in HTTP/1.1", "", 400),
        ("GET /sign-in HTTP/1.1", "UPLOADS.test.", 200),
        ("GET /sign-in HTTP/1.0", "evil.example", 421),
    ],
)
def test_only_the_configured_hosts_are_served(
    nginx: Nginx, line: str, host: str, status: int | None
) -> None:
    """Row 49: another host is refused, and what is served speaks of the configured one only.

    What is no host (None) is 421 or 400, by the version of nginx.
    """
    request = f"{line}\r\nHost: {host}\r\nX-Forwarded-Host: evil.example\r\n\r\n"
    answer = nginx.exchange(request.encode())
    assert answer.status in ({400, 421} if status is None else {status})
    assert b"evil" not in answer.body
    assert "evil" not in str(answer.headers)


def test_an_unknown_name_gets_no_certificate(nginx: Nginx) -> None:
    """Who asks for another name, or for none, learns nothing of ours."""
    for name in ("evil.example", "127.0.0.1"):
        with pytest.raises(OSError, match=r"(?i)unrecognized.name"):
            nginx.connect(name)


def rendition(person: Person, name: str) -> httpx.URL:
    """The address on the content host of a fresh picture's thumbnail."""
    picture = person.upload(name, samples.png())
    person.settle(picture)
    eventually(lambda: person.document(picture)["renditions"], PATIENCE)
    answer = person.api.get(f"/documents/{picture}/renditions/thumbnail-200")
    assert answer.status_code == 302, answer.text
    return httpx.URL(answer.headers["Location"])


@pytest.mark.usefixtures("proxied")
def test_the_hosts_are_not_mixed(nginx: Nginx, carol: Person) -> None:
    """Neither the app's pages on the content host, nor renditions on the app's."""
    assert (
        nginx.exchange(raw.head("GET", "/sign-in", {"Host": CONTENT}), name=CONTENT).status == 404
    )
    url = rendition(carol, "a.png")
    assert url.host == CONTENT
    with nginx.client() as client:
        answer = client.get(url)
        assert answer.status_code == 200
        assert_secure(answer, content_host=True)
        assert client.get(url.copy_with(host=APP)).status_code == 404


def lines(nginx: Nginx) -> Iterator[dict[str, object]]:
    for line in nginx.log().splitlines(keepends=True):
        if line.endswith("\n"):  # else it is just being written
            yield json.loads(line)


def test_the_log_is_json_without_secrets(nginx: Nginx, proxied: Stack, carol: Person) -> None:
    """One object a request, found by the app's id; no query, token, key or name of a file."""
    picture = rendition(carol, "a secret name.png")
    with nginx.client() as client:
        assert client.get(picture).status_code == 200
    carol.api.get("/documents", params={"q": "a secret search"})
    answer = carol.api.post("/documents", params={"name": "another secret name.txt"}, content=b"x")
    nginx.exchange(b'GET /"\\quoted"?a=secret HTTP/1.1\r\nHost: uploads.test\r\n\r\n')
    nginx.exchange(b"secret\r\n\r\n")
    sent = answer.headers["X-Request-Id"]
    # nginx writes a line when it is done with the request: the client may have its answer before.
    (ours,) = eventually(
        lambda: [one for one in lines(nginx) if one["request_id"] == sent], PATIENCE
    )
    assert (ours["method"], ours["path"], ours["status"]) == ("POST", "/api/v1/documents", 202)
    assert ours["address"] == "127.0.0.1"
    assert sent in proxied.log.read_text()
    eventually(lambda: "/renditions/[redacted]" in nginx.log(), PATIENCE)
    said = nginx.log() + (nginx.folder / "error.log").read_text()
    for secret in ("secret", carol.key.split(".")[2], picture.path.rpartition("/")[2], "Bearer"):
        assert secret not in said


def test_the_socket_is_only_for_those_in_its_folder(nginx: Nginx, proxied: Stack) -> None:
    """The service answers there as it does through nginx, and no probe."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(60)
        connection.connect(str(nginx.upstream))
        request = raw.head("GET", "/readyz", {"Host": APP, "X-Forwarded-For": "127.0.0.1"})
        assert raw.exchange_on(connection, [request]).status == 404
    assert nginx.upstream.parent.stat().st_mode & 0o077 == 0
    assert plain.get(f"http://127.0.0.1:{proxied.port}/readyz").status_code == 200
