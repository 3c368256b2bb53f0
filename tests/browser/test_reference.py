"""The API's page: readable at each width, in both colours, with script and without."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.support.described import document


@pytest.mark.parametrize(
    ("width", "colours", "script"),
    [(1280, "light", True), (375, "dark", True), (375, "light", False)],
)
def test_the_reference_opens_and_leads_on(
    visit: Callable[..., Visit], width: int, colours: str, script: bool
) -> None:
    """An operation opens, its answer leads to the shape; nothing stands out of the page."""
    window = visit(
        viewport={"width": width, "height": 900}, color_scheme=colours, java_script_enabled=script
    )
    page = window.page
    page.goto(f"{window.person.stack.base_url}/api/docs")
    body = page.locator("#upload_document")
    operation = page.locator("details", has=body)
    expect(body).to_be_hidden()
    operation.locator("summary").click()
    expect(body).to_be_visible()
    expect(body).to_contain_text("documents:write")
    body.get_by_role("link", name="Document", exact=True).click()
    expect(page.locator("#Document")).to_be_in_viewport()
    if script:
        assert page.evaluate("document.documentElement.scrollWidth") == width
    expect(page.locator("#list_documents")).to_be_hidden()
    page.goto(f"{window.person.stack.base_url}/api/docs#list_documents")
    expect(page.locator("#list_documents")).to_be_in_viewport()


def test_the_page_has_every_operation_and_every_link_leads_somewhere(
    visit: Callable[..., Visit],
) -> None:
    """Names are unique, what is referred to is on the page."""
    window = visit()
    page = window.page
    page.goto(f"{window.person.stack.base_url}/api/docs")
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((one) => one.id)")
    targets = page.evaluate(
        "[...document.querySelectorAll('a[href^=\"#\"]')].map((one) => one.hash.slice(1))"
    )
    assert len(ids) == len(set(ids))
    assert targets
    assert set(targets) <= set(ids)
    items = [*document()["paths"].values(), *document()["webhooks"].values()]
    assert {one["operationId"] for item in items for one in item.values()} <= set(ids)
    assert set(document()["components"]["schemas"]) <= set(ids)


def test_the_menu_leads_to_it(visit: Callable[..., Visit]) -> None:
    """Whoever has an account finds it there."""
    window = visit()
    page = window.sign_in()
    page.locator(".menu summary").click()
    page.get_by_role("link", name="API for programs", exact=True).click()
    expect(page.get_by_role("heading", name="API", exact=True)).to_be_visible()
