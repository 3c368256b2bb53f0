"""One document's own page, with script."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Visit
from tests.support import samples
from tests.support.pages import SETTLED_MS, drop, expect_picture, row

ITS_PAGE, ITS_STATE = re.compile(r"/documents/doc_\w+$"), re.compile(r"/api/v1/documents/doc_\w+$")


def open_settled(page: Page) -> None:
    """Bring a file in, and open its page once nothing more happens to it.

    An archive has no picture that its page would wait for. Before its script runs, a page answers a
    click as one without script does: wait for all of it.
    """
    drop(page, ("notes.zip", "application/zip", samples.zip_file()))
    dropped = row(page, "notes.zip")
    expect(dropped).to_have_attribute("data-state", "clean", timeout=SETTLED_MS)
    dropped.get_by_role("link", name="notes.zip", exact=True).click()
    page.wait_for_url(ITS_PAGE)


def test_a_document_is_deleted_from_its_own_page(visit: Callable[..., Visit]) -> None:
    """The page asks, deletes and leads back to the list; of a few bytes it gives one number."""
    page = visit().sign_in()
    open_settled(page)
    size = page.locator(".facts > div").filter(has_text="Size")
    expect(size.locator("dd")).to_have_text(f"{len(samples.zip_file())} bytes")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.wait_for_url("**/documents")
    expect(page.get_by_text("Nothing here yet")).to_be_visible()


def test_a_page_that_learns_something_new_does_not_forget_a_question(
    visit: Callable[..., Visit],
) -> None:
    """While it asks whether to delete, the page is not shown anew under the person's hand."""
    page = visit().sign_in()
    page.route(ITS_PAGE, _page_before_the_verdict)
    page.route(ITS_STATE, _state_before_the_verdict)
    open_settled(page)
    expect(page.locator("article")).to_have_attribute("data-state", "quarantined")
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.unroute(ITS_STATE)
    # It may just have asked for the last time before the verdict; then it hears of the verdict, and
    # by looking once more it shows that this did not lead away.
    for _ in range(3):
        with page.expect_response(ITS_STATE) as looked:
            pass
    assert looked.value.json()["state"] == "clean"
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.wait_for_url("**/documents")


def test_a_verdict_is_read_aloud_where_the_page_is_shown_anew(
    visit: Callable[..., Visit],
) -> None:
    """Once; whoever loads the page later is told nothing that is no news."""
    page = visit().sign_in()
    page.route(ITS_PAGE, _page_before_the_verdict, times=1)
    open_settled(page)
    expect(page.get_by_role("status")).to_contain_text("Clean – inspected by")
    page.clock.install()
    page.reload()
    page.clock.fast_forward("00:02")
    expect(page.get_by_role("status")).to_be_empty()


def _page_before_the_verdict(route: Route) -> None:
    """Let the page of a settled document say what it said a moment earlier."""
    if "/api/" in route.request.url:
        return route.fallback()
    answer = route.fetch()
    html = answer.text().replace('data-state="clean"', 'data-state="quarantined" data-busy')
    return route.fulfill(response=answer, body=html)


def _state_before_the_verdict(route: Route) -> None:
    answer = route.fetch()
    route.fulfill(response=answer, json={**answer.json(), "state": "quarantined"})


def test_pages_are_shown_and_symbols_where_there_is_no_picture(
    visit: Callable[..., Visit],
) -> None:
    """A PDF's page shows previews of its pages as they come; an archive's shows a symbol."""
    page = visit().sign_in()
    drop(
        page,
        ("report.pdf", "application/pdf", samples.pdf(12)),
        ("notes.zip", "application/zip", samples.zip_file()),
    )
    for name in ("report.pdf", "notes.zip"):
        expect(row(page, name)).to_have_attribute("data-state", "clean", timeout=SETTLED_MS)
    row(page, "report.pdf").get_by_role("link", name="report.pdf", exact=True).click()
    page.wait_for_url(ITS_PAGE)
    pages = page.get_by_role("list").filter(has=page.get_by_alt_text("Page 1 of report.pdf"))
    expect(pages.get_by_role("img")).to_have_count(10, timeout=SETTLED_MS)
    for number in (1, 10):
        picture = page.get_by_alt_text(f"Page {number} of report.pdf", exact=True)
        picture.scroll_into_view_if_needed()
        expect_picture(picture)
    expect_picture(page.get_by_alt_text("Preview of report.pdf", exact=True))
    page.get_by_role("link", name="Your documents", exact=True).click()
    row(page, "notes.zip").get_by_role("link", name="notes.zip", exact=True).click()
    page.wait_for_url(ITS_PAGE)
    expect(page.locator(".sheet-icon use")).to_have_attribute("href", re.compile("#archive$"))
    expect(page.locator(".sheet-picture img, img.sheet-picture")).to_have_count(0)
