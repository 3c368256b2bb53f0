"""A page of another origin in a real browser, and the service behind the shipped nginx."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import PATIENCE_MS
from tests.support.nginx import Nginx
from tests.support.people import Person
from tests.support.sites import ASK, blank_site
from tests.support.stack import AT_REST, Stack

MIB = 1024 * 1024
NAMED = ["X-Request-Id", "Retry-After", "RateLimit", "Location"]
SEND_MUCH = """
async ([url, headers, size]) => {
  const body = new Blob([new Uint8Array(size)]);
  const answer = await fetch(url, {method: "POST", headers, body});
  return {status: answer.status, id: answer.headers.get("X-Request-Id"), body: await answer.json()};
}
"""


@pytest.fixture(scope="module")
def tools() -> Iterator[str]:
    with blank_site() as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def listing(tools: str) -> Iterator[Nginx]:
    """nginx that knows of that site, and reads no API file of more than 3 MiB."""
    listed = f'$listed_origin {{\n    "{tools}" 1;'
    server = Nginx(changes={"$listed_origin {": listed, "_size 101m;": "_size 3m;"})
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture(scope="module")
def ann(make_stack: Callable[..., Stack], listing: Nginx, tools: str) -> Iterator[Person]:
    made = make_stack(
        UPLOADS_PUBLIC_URL=listing.app_url,
        UPLOADS_CONTENT_URL=listing.content_url,
        UPLOADS_SOCKET=str(listing.upstream),
        UPLOADS_TRUSTED_PROXIES="1",
        UPLOADS_CORS_ORIGINS=tools,
        **AT_REST,
    )
    made.base_url, made.content_url = listing.app_url, listing.content_url
    made.transport = listing.transport
    yield made.person("ann")
    made.close()


@pytest.fixture
def page(chromium: Browser, tools: str) -> Iterator[Page]:
    with chromium.new_context(ignore_https_errors=True) as context:
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.goto(tools)
        yield page


def test_it_uploads_and_reads_refusals_of_the_service_and_of_nginx(page: Page, ann: Person) -> None:
    """With the request's id and what they say of the file."""
    key = {"Authorization": f"Bearer {ann.key}"}
    base = f"{ann.stack.base_url}/api/v1"

    def ask(path: str, **more: Any) -> dict[str, Any]:
        found = page.evaluate(ASK, [base + path, {"headers": key, "named": NAMED, **more}])
        return dict(found)

    sent = ask("/documents", method="POST", form="plain words")
    assert sent["status"] == 202, sent
    assert all(sent["headers"][name] for name in ("X-Request-Id", "RateLimit", "Location"))
    assert ask(sent["headers"]["Location"].removeprefix("/api/v1"))["status"] == 200
    assert ask("/documents?name=a.exe", method="POST", body="MZ")["status"] == 415
    for path, size, code in (
        ("/documents?name=a.mp4", 4 * MIB, "file-too-large"),
        ("/links", 2 * MIB, "body-too-large"),
    ):
        refused = page.evaluate(SEND_MUCH, [base + path, key, size])
        assert (refused["status"], refused["body"]["code"]) == (413, code)
        assert refused["id"] == refused["body"]["request_id"]
