"""A page of another origin, in a real browser: it uses the API with a key where it is listed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import PATIENCE_MS
from tests.support.people import Person
from tests.support.sites import ASK, blank_site
from tests.support.stack import AT_REST, Stack

READ_EVENT = """
async ([url, headers]) => {
  const answer = await fetch(url, {headers});
  const [reader, decoder] = [answer.body.getReader(), new TextDecoder()];
  for (let text = ""; ; ) {
    const {value, done} = await reader.read();
    if (done || text.includes("event: state")) return text;
    text += decoder.decode(value);
  }
}
"""


@pytest.fixture(scope="module")
def tools() -> Iterator[int]:
    """The port of a site that has nothing to do with the service."""
    with blank_site() as port:
        yield port


@pytest.fixture(scope="module")
def ann(make_stack: Callable[..., Stack], tools: int) -> Iterator[Person]:
    """Of a service that lists that site under one of its two names."""
    made = make_stack(UPLOADS_CORS_ORIGINS=f"http://127.0.0.1:{tools}", **AT_REST)
    yield made.person("ann")
    made.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    with chromium.new_context() as context:
        context.set_default_timeout(PATIENCE_MS)
        yield context.new_page()


def ask(page: Page, person: Person, path: str, **more: Any) -> dict[str, Any]:
    """What the page's own script finds out; without `headers` with the person's key."""
    more.setdefault("headers", {"Authorization": f"Bearer {person.key}"})
    found = page.evaluate(ASK, [f"{person.stack.base_url}/api/v1{path}", more])
    return dict(found)


def test_a_listed_page_uploads_and_reads_what_became_of_it(
    page: Page, ann: Person, tools: int
) -> None:
    """Every verb with its preflight, and the headers that are not among the common ones."""
    page.goto(f"http://127.0.0.1:{tools}/")
    key = {"Authorization": f"Bearer {ann.key}"}
    named = ["X-Request-Id", "Location", "RateLimit", "Idempotent-Replayed"]
    once = {**key, "Idempotency-Key": "from-elsewhere"}
    sent = {"method": "POST", "headers": once, "form": "plain words", "named": named}
    first, again = (ask(page, ann, "/documents", **sent) for _ in range(2))
    assert first["status"] == again["status"] == 202, first
    assert first["headers"]["Idempotent-Replayed"] is None
    assert again["headers"]["Idempotent-Replayed"] == "true"
    assert all(first["headers"][name] for name in ("X-Request-Id", "Location", "RateLimit"))
    document = first["headers"]["Location"].removeprefix("/api/v1")
    raw = {**key, "Content-Disposition": 'attachment; filename="b.txt"'}
    raw |= {"Content-Type": "text/plain", "Repr-Digest": "sha-256=:" + "A" * 43 + "=:"}
    other = ask(page, ann, "/documents", method="POST", headers=raw, body="others")
    assert (other["status"], '"digest-mismatch"' in other["body"]) == (422, True), other
    ann.settle(document.rpartition("/")[2])
    assert '"state":"clean"' in ask(page, ann, document)["body"]
    events = f"{ann.stack.base_url}/api/v1{document}/events"
    assert "event: state" in page.evaluate(READ_EVENT, [events, {**key, "Last-Event-ID": "0"}])
    renamed = ask(
        page,
        ann,
        document,
        method="PATCH",
        headers={**key, "Content-Type": "application/json"},
        body='{"name": "other.txt"}',
    )
    assert renamed["status"] == 200, renamed
    assert ask(page, ann, document, method="DELETE")["status"] == 204


def test_a_listed_page_reads_why_it_was_refused(page: Page, ann: Person, tools: int) -> None:
    """The problem and the request's id, whoever refused."""
    page.goto(f"http://127.0.0.1:{tools}/")
    for path, more, status, code in (
        ("/me", {"headers": {"Authorization": "Bearer none"}}, 401, "unauthenticated"),
        ("/documents/doc_0", {}, 404, "not-found"),
        ("/uploads", {"method": "POST", "body": "{}"}, 415, "unsupported-media-type"),
        ("/documents?name=a.exe", {"method": "POST", "body": "MZ"}, 415, "type-not-allowed"),
        ("/documents?limit=none", {}, 422, "invalid"),
    ):
        found = ask(page, ann, path, named=["X-Request-Id"], **more)
        assert found.get("status") == status, (path, found)
        assert f'"code":"{code}"' in found["body"].replace(" ", "")
        assert found["headers"]["X-Request-Id"] in found["body"]


def test_the_same_page_under_a_name_that_is_not_listed_reads_nothing(
    page: Page, ann: Person, tools: int
) -> None:
    page.goto(f"http://localhost:{tools}/")
    before = ann.documents()
    assert ask(page, ann, "/me") == {"failed": "TypeError"}
    assert ask(page, ann, "/policy", headers={}) == {"failed": "TypeError"}
    sent = {"method": "POST", "form": "plain words"}
    assert ask(page, ann, "/documents", **sent) == {"failed": "TypeError"}
    assert ann.documents() == before


def test_a_session_is_of_no_use_to_a_listed_page(page: Page, ann: Person, tools: int) -> None:
    """Cookies know no ports: this page's browser sends the one of the app, where it is told to."""
    page.goto(f"{ann.stack.base_url}/")
    page.get_by_label("Email").fill(ann.email)
    page.get_by_label("Password").fill(ann.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/documents")
    assert ask(page, ann, "/me", headers={})["status"] == 200
    page.goto(f"http://127.0.0.1:{tools}/")
    # Of an answer that it keeps from the page the browser tells here alone. It may ask the other
    # site for an icon meanwhile.
    sent: list[dict[str, Any]] = []
    statuses: dict[str, int] = {}
    line = page.context.new_cdp_session(page)
    line.on("Network.requestWillBeSentExtraInfo", lambda told: sent.append(told))
    line.on(
        "Network.responseReceivedExtraInfo",
        lambda told: statuses.update({told["requestId"]: told["statusCode"]}),
    )
    line.send("Network.enable")
    assert ask(page, ann, "/me", headers={}, credentials="include") == {"failed": "TypeError"}
    page.wait_for_timeout(10)
    host = ann.stack.base_url.removeprefix("http://")
    (asked,) = [one for one in sent if one["headers"]["Host"] == host]
    assert "session=" in asked["headers"]["Cookie"]
    assert statuses[asked["requestId"]] == 401
    assert ask(page, ann, "/me", headers={})["status"] == 401
