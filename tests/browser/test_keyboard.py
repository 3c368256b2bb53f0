"""What a person does with the keyboard alone, and where the focus is afterwards."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Visit
from tests.support import samples
from tests.support.links import clean
from tests.support.pages import drop, row, sending


def walk_to(page: Page, name: str, role: str = "button") -> None:
    """With Tab, as far as it takes."""
    wanted = page.get_by_role(role, name=name, exact=True).first  # type: ignore[arg-type]
    for _ in range(60):
        if wanted.evaluate("one => one === document.activeElement"):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"no way to {name}")


def test_from_the_list_to_a_link_and_back_without_a_mouse(visit: Callable[..., Visit]) -> None:
    """Look at a document, share it, revoke that, and delete it."""
    window = visit()
    page = window.sign_in()
    clean(window.person, "notes.zip", samples.zip_file())
    page.reload()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    walk_to(page, "notes.zip", "link")
    page.keyboard.press("Enter")
    page.wait_for_url("**/documents/doc_*")
    walk_to(page, "Make a link")
    page.keyboard.press("Enter")
    expect(page.locator("[data-link]")).to_have_count(1)
    walk_to(page, "Revoke link 1")
    page.keyboard.press("Enter")
    expect(page.locator("[data-link]")).to_have_count(0)
    walk_to(page, "Delete")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Keep it")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_role("button", name="Delete")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing here yet")).to_be_visible()


def test_escape_closes_what_is_open_and_nothing_else(visit: Callable[..., Visit]) -> None:
    """The menu, and the focus goes back to where it was; a click beside it closes it, too."""
    window = visit()
    page = window.sign_in()
    opener = page.locator("details.menu > summary")
    out = page.get_by_role("button", name="Sign out")
    opener.focus()
    page.keyboard.press("Enter")
    walk_to(page, "Sign out")
    page.keyboard.press("Escape")
    expect(out).to_be_hidden()
    expect(opener).to_be_focused()
    page.keyboard.press("Enter")
    walk_to(page, "Sign out")
    page.keyboard.press("Tab")
    expect(out).to_be_hidden()
    opener.click()
    expect(out).to_be_visible()
    page.locator("#documents-title").click()
    expect(out).to_be_hidden()
    opener.click()
    page.keyboard.press("Escape")
    drop(page, ("a.exe", "", b"a"))
    page.keyboard.press("Escape")
    expect(sending(page, "a.exe")).to_be_visible()


def test_a_row_that_goes_leaves_the_focus_beside_it(visit: Callable[..., Visit]) -> None:
    """Dismissed, cancelled or come in: nobody is thrown back to the beginning of the page."""
    window = visit()
    page = window.sign_in()
    held: list[Route] = []
    page.route("**/api/v1/documents", lambda route: held.append(route))
    drop(page, ("a.exe", "", b"a"), ("b.exe", "", b"b"), ("c.txt", "text/plain", b"c"))
    expect(sending(page, "c.txt")).to_have_attribute("data-phase", "sending")
    sending(page, "a.exe").get_by_role("button", name="Dismiss").focus()
    page.keyboard.press("Enter")
    expect(sending(page, "b.exe").get_by_role("button", name="Dismiss")).to_be_focused()
    page.keyboard.press("Enter")
    expect(sending(page, "c.txt").get_by_role("button", name="Cancel")).to_be_focused()
    held[0].continue_()
    expect(row(page, "c.txt").locator("[data-slot=name]")).to_be_focused()
    drop(page, ("d.txt", "text/plain", b"d"))
    sending(page, "d.txt").get_by_role("button", name="Cancel").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#file")).to_be_focused()
