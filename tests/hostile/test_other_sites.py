"""What other sites can have a browser send, and names that are shown back: rows 36, 49 and 51."""

from __future__ import annotations

import json

import pytest

from tests.hostile.conftest import Canary
from tests.support import plain, samples
from tests.support.invariants import Promises
from tests.support.links import clean
from tests.support.people import Person

# What comes in is judged before any database: once is enough.
pytestmark = pytest.mark.one_database

NAME = '<img src=x onerror=alert(1)>"{{7*7}}'
# What pages may send to another site without asking it (Fetch standard, "simple requests").
SIMPLE = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b")


def test_a_refused_name_is_text_as_well(alice: Person, promises: Promises) -> None:
    """Row 36: a page that says no says the name letter by letter, and so does the problem."""
    files = [("file", (f"{NAME}.php", b"x")), ("file", (f"{NAME}.png", samples.txt()))]
    with alice.browser() as browser:
        fields = [("csrf_token", (None, browser.token("/documents")))]
        answer = browser.post("/documents", files=[*fields, *files], follow_redirects=True)
    assert answer.text.count("&lt;img src=x onerror=alert(1)&gt;") >= len(files)
    assert "<img src=x" not in answer.text
    assert "49" not in answer.text.partition("<main")[2].partition("</main")[0]
    for _, (name, content) in files:
        refused = alice.post(name, content)
        assert refused.headers["Content-Type"] == "application/problem+json"
        assert "<img" not in refused.text
    promises.hold()


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "localhost.evil.example:80", "[::1]"]
)
def test_another_host_is_misdirected(alice: Person, promises: Promises, host: str) -> None:
    """Row 49: nothing is done under a name that is not ours, and no address is made of it."""
    document_id = clean(alice, "a.txt", b"hello")
    key = {"Authorization": f"Bearer {alice.key}", "Host": host, "Accept": "text/html"}
    for path in ("", "/content"):
        url = f"{alice.stack.base_url}/api/v1/documents/{document_id}{path}"
        answer = plain.get(url, headers=key)
        assert (answer.status_code, answer.json()["code"]) == (421, "misdirected")
        assert "evil" not in answer.text + str(answer.headers)
    for path in ("/", "/sign-in", "/nowhere"):
        page = plain.get(alice.stack.base_url + path, headers=key)
        assert page.status_code == 421
        assert "evil" not in page.text + str(page.headers)
    promises.hold()


@pytest.mark.parametrize("kind", SIMPLE)
def test_the_api_takes_nothing_from_a_foreign_page(
    alice: Person, canary: Canary, promises: Promises, kind: str
) -> None:
    """Row 51: JSON under another type, with the session's cookie, is refused and does nothing."""
    document_id = clean(alice, "a.txt", b"hello")
    calls = {
        "/links": {"documents": [document_id]},
        "/keys": {"name": "theirs", "scopes": ["documents:read"]},
        "/webhooks": {"url": canary.url, "events": ["document.clean"]},
        "/uploads": {"name": "a.txt", "size": 5},
        "/upload-batches": {"uploads": [{"name": "a.txt", "size": 5}]},
    }
    foreign = {"Content-Type": kind, "Origin": canary.url, "Sec-Fetch-Site": "cross-site"}
    before = _all(alice, calls)
    with alice.browser() as browser:
        for path, members in calls.items():
            answer = browser.post(
                f"/api/v1{path}",
                content=json.dumps(members),
                headers={
                    "Content-Type": kind,
                    "Origin": canary.url,
                    "Sec-Fetch-Site": "cross-site",
                },
            )
            assert answer.status_code in {403, 415}, (path, answer.text)
            assert "Access-Control-Allow-Origin" not in answer.headers
        assert browser.post(f"/documents/{document_id}/delete", headers=foreign).status_code == 403
    assert _all(alice, calls) == before
    assert alice.document(document_id)["state"] == "clean"
    promises.hold()


def _all(person: Person, calls: dict[str, object]) -> dict[str, object]:
    """What there is of each kind that can be listed, and what is used."""
    answers = {path: person.api.get(path) for path in calls}
    listed = {path: one.json()["items"] for path, one in answers.items() if one.status_code == 200}
    return {**listed, "quota": person.api.get("/me").json()["quota"]}
