"""Links with a password, by a form and by Basic authentication; and addresses that are none."""

from __future__ import annotations

import base64
import re

import httpx
import pytest

from tests.support import plain, samples
from tests.support.headers import assert_secure
from tests.support.links import clean, downloads, got, refusal, shared, stranger, ticket
from tests.support.people import Person
from tests.support.stack import Stack

# What the records keep of links is shown on both databases by their contract: once is enough.
pytestmark = pytest.mark.one_database

PNG = samples.png()
PASSWORD = "pässwörd 图 :x"
HTML = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def document(alice: Person) -> str:
    return clean(alice, "secret.png", PNG)


def basic(password: str, user: str = "") -> dict[str, str]:
    text = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {text}"}


def test_a_program_is_asked_for_the_password_and_gives_it(alice: Person, document: str) -> None:
    """401 with a challenge that curl knows; any user name; a wrong one is no download."""
    link = shared(alice, document, password=PASSWORD, max_downloads=2)
    asked = got(alice, link["url"])
    assert refusal(asked) == (401, "password-required")
    assert asked.headers["WWW-Authenticate"] == 'Basic realm="link", charset="UTF-8"'
    assert_secure(asked, content_host=True)
    for wrong in (basic("wrong"), basic(""), basic(PASSWORD.upper()), {"Authorization": "Basic x"}):
        assert refusal(got(alice, link["url"], headers=wrong)) == (401, "password-required")
    bearer = {"Authorization": f"Bearer {alice.key}"}
    assert refusal(got(alice, link["url"], headers=bearer)) == (401, "password-required")
    assert downloads(alice, link) == 0
    for user in ("", "anybody"):
        assert got(alice, link["url"], headers=basic(PASSWORD, user)).content == PNG
    assert downloads(alice, link) == 2
    used_up = got(alice, link["url"], headers=basic(PASSWORD))
    assert refusal(used_up) == (410, "download-limit")


def test_without_the_password_nothing_is_told(alice: Person, document: str) -> None:
    """Not by HEAD, by conditions or by ranges."""
    link = shared(alice, document, password=PASSWORD)
    etag = f'"{alice.document(document)["sha256"]}"'
    assert alice.fetch("HEAD", link["url"]).status_code == 401
    for headers in ({"If-None-Match": etag}, {"If-None-Match": "*"}, {"Range": "bytes=0-0"}):
        answer = alice.fetch("GET", link["url"], headers=headers)
        assert refusal(answer) == (401, "password-required")
        assert "ETag" not in answer.headers
        assert "secret.png" not in answer.text


def test_a_person_gets_a_form_that_needs_no_script(alice: Person, document: str) -> None:
    """Ours, sandboxed but for the form itself, whose answer goes to this host alone."""
    link = shared(alice, document, password=PASSWORD)
    with stranger(alice, headers=HTML) as client:
        page = client.get(link["url"])
        assert page.status_code == 401
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "basic" not in page.headers["WWW-Authenticate"].lower()
        assert_secure(page, content_host=True)
        host = alice.stack.content_url
        policy = page.headers["Content-Security-Policy"].split("; ")
        assert f"form-action {host}" in policy
        assert f"style-src {host}" in policy
        assert "sandbox allow-forms allow-downloads" in policy
        assert not re.search(r"<script|style=|<style|\bon\w+=", page.text)
        assert "secret.png" not in page.text
        wrong = client.post(link["url"], data={"password": "wrong"})
        assert wrong.status_code == 401
        assert "That was not the password" in wrong.text
        assert_secure(wrong, content_host=True)
        right = client.post(link["url"], data={"password": PASSWORD})
        assert (right.status_code, right.content) == (200, PNG)
        assert [one.status_code for one in right.history] == [303]
        assert not client.cookies
    assert downloads(alice, link) == 1


@pytest.mark.parametrize(("disposition", "does"), [("attachment", "Download"), ("inline", "Open")])
def test_the_form_says_what_it_does(
    alice: Person, document: str, disposition: str, does: str
) -> None:
    """Before the password and after a wrong one."""
    link = shared(alice, document, password=PASSWORD, disposition=disposition)
    with stranger(alice, headers=HTML) as client:
        for page in (client.get(link["url"]), client.post(link["url"], data={"password": "no"})):
            assert page.status_code == 401
            assert re.findall("<button[^>]*>(.*?)</button>", page.text) == [does]
            assert ("download" in page.text) is (does == "Download")


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"data": {"password": "x" * 5000}},
        {"data": {"other": "x"}},
        {"content": b"\xff\xfe", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
        {"content": b"{}", "headers": {"Content-Type": "application/json"}},
        {"content": b"x", "headers": {"Content-Type": "multipart/form-data"}},
        {"content": b"a" * 100_000, "headers": {"Content-Type": "text/plain"}},
    ],
)
def test_garbage_instead_of_a_password_is_refused(
    alice: Person, document: str, sent: dict[str, object]
) -> None:
    link = shared(alice, document, password=PASSWORD)
    answer = plain.post(link["url"], **sent)
    assert 400 <= answer.status_code < 500
    assert_secure(answer, content_host=True)
    assert downloads(alice, link) == 0


def test_the_forms_style_may_be_used_by_the_form(stack: Stack) -> None:
    """A sandboxed page has no origin: its style must be for all, and holds nothing secret."""
    answer = plain.get(f"{stack.content_url}/links/form.css")
    assert answer.headers["Content-Type"] == "text/css; charset=utf-8"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert_secure(answer, content_host=True)


def test_an_address_that_is_not_exactly_a_links_is_none(alice: Person, document: str) -> None:
    """Tampered, of another link, of its id alone, of a rendition: 404, word for word the same."""
    one, other = shared(alice, document), shared(alice, document)
    base, _, token = one["url"].rpartition("/")
    name, _, mark = token.partition(".")
    other_mark = other["url"].rpartition(".")[2]
    flipped = mark[:-1] + ("A" if mark[-1] != "A" else "B")
    for forged in (
        name,
        f"{name}.",
        f"{name}.{flipped}",
        f"{name}.{other_mark}",
        f"{name}.{mark}x",
        f"{name}.{mark[:-1]}",
        f"lnk_{name}.{mark}",
        f"{name.upper()}.{mark}",
        f"{name}.{mark}%00",
        f".{mark}",
        "%F0%9F%92%A9.x",
        one["id"],
        "x" * 4000,
    ):
        answer = plain.get(f"{base}/{forged}")
        assert refusal(answer) == (404, "not-found"), forged
        assert_secure(answer, content_host=True)
        assert plain.post(f"{base}/{forged}", data={"password": "x"}).status_code == 404
    assert downloads(alice, one) == 0


def test_a_ticket_is_good_for_nothing_else(alice: Person, document: str) -> None:
    """Changed it is none; of a link it does not tell the address; a link is no ticket."""
    link = shared(alice, document)
    address = ticket(alice, link["url"])
    base, _, token = address.rpartition("/")
    mark = link["url"].rpartition(".")[2]
    assert mark not in address
    content = alice.stack.content_url
    for forged in (
        f"{base}/{token[:-1]}",
        f"{base}/x{token}",
        f"{content}/links/{token}",
        f"{content}/downloads/{token}",
        f"{content}/renditions/{token}",
        f"{base}/{link['url'].rpartition('/')[2]}",
    ):
        assert refusal(plain.get(forged)) == (404, "not-found")
    rendition = alice.api.get(f"/documents/{document}/content").headers["Location"]
    assert rendition.startswith("http")
    assert plain.get(address).content == PNG


def test_links_are_on_the_content_host_alone(alice: Person, stack: Stack, document: str) -> None:
    """Not on the app's origin, and under no other name."""
    link = shared(alice, document)
    path = httpx.URL(link["url"]).path
    elsewhere = plain.get(stack.base_url + path)
    assert refusal(elsewhere) == (404, "not-found")
    other = plain.get(link["url"], headers={"Host": "evil.example"})
    assert refusal(other) == (421, "misdirected")
    with alice.browser() as browser:
        assert browser.get(path).status_code == 404
    assert refusal(plain.get(f"{stack.content_url}/api/v1/links")) == (404, "not-found")
    assert downloads(alice, link) == 0


def test_methods_that_a_link_does_not_have_are_refused(alice: Person, document: str) -> None:
    link = shared(alice, document)
    for method in ("PUT", "PATCH", "DELETE", "TRACE"):
        answer = plain.request(method, link["url"])
        assert refusal(answer) == (405, "method-not-allowed")
        assert answer.headers["Allow"] == "GET, HEAD, OPTIONS, POST"
        assert_secure(answer, content_host=True)
    assert plain.request("OPTIONS", link["url"]).status_code == 200
    assert downloads(alice, link) == 0
