"""One document's own page, with script."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Route, expect

from tests.browser.conftest import Visit
from tests.support import samples
from tests.support.pages import SETTLED_MS, drop, row


def test_a_document_is_deleted_from_its_own_page(visit: Callable[..., Visit]) -> None:
    """The page asks, deletes and leads back to the list; of a few bytes it gives one number."""
    page = visit().sign_in()
    drop(page, ("notes.txt", "text/plain", samples.txt()))
    row(page, "notes.txt").get_by_role("link", name="notes.txt", exact=True).click()
    size = page.locator(".facts > div").filter(has_text="Size")
    expect(size.locator("dd")).to_have_text(f"{len(samples.txt())} bytes")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.wait_for_url("**/documents")
    expect(page.get_by_text("Nothing here yet")).to_be_visible()


def test_a_page_that_learns_something_new_does_not_forget_a_question(
    visit: Callable[..., Visit],
) -> None:
    """While it asks whether to delete, the page is not shown anew under the person's hand."""
    page = visit().sign_in()
    drop(page, ("notes.txt", "text/plain", samples.txt()))
    dropped = row(page, "notes.txt")
    expect(dropped).to_have_attribute("data-state", "clean", timeout=SETTLED_MS)
    page.route(re.compile(r"/documents/doc_\w+$"), _as_before_the_verdict)
    dropped.get_by_role("link", name="notes.txt", exact=True).click()
    expect(page.locator("article")).to_have_attribute("data-state", "quarantined")
    with page.expect_response(re.compile(r"/api/v1/documents/doc_")) as looked:
        page.get_by_role("button", name="Delete").click()
    assert looked.value.json()["state"] == "clean"
    with page.expect_response(re.compile(r"/api/v1/documents/doc_")):
        pass  # it has looked once more: the first answer did not lead away
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.wait_for_url("**/documents")


def _as_before_the_verdict(route: Route) -> None:
    """Let the page of a settled document say what it said a moment earlier."""
    if "/api/" in route.request.url:
        return route.continue_()
    answer = route.fetch()
    html = answer.text().replace('data-state="clean"', 'data-state="quarantined" data-busy')
    return route.fulfill(response=answer, body=html)
