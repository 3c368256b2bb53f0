"""A page that was left open while its session ended, or became another one, in another tab."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.support.pages import drop, row, sending
from tests.support.people import Person


def signed_out(page: Page) -> Page:
    """Another tab of the same browser, in which somebody signs out."""
    other = page.context.new_page()
    other.goto(page.url)
    other.locator("details.menu summary").click()
    other.get_by_role("button", name="Sign out").click()
    other.wait_for_url("**/sign-in")
    return other


def signed_in(other: Page, person: Person) -> None:
    other.get_by_label("Email").fill(person.email)
    other.get_by_label("Password").fill(person.password)
    other.get_by_role("button", name="Sign in").click()
    other.wait_for_url("**/documents")


def test_who_signed_out_elsewhere_is_told_what_became_of_a_file(
    visit: Callable[..., Visit],
) -> None:
    window = visit()
    page = window.sign_in()
    signed_out(page)
    drop(page, ("notes.txt", "text/plain", b"notes"))
    page.wait_for_url("**/sign-in?next=*")
    expect(page.get_by_role("alert")).to_contain_text("choose again what is not in your list")
    window.forgive("status of 401")
    signed_in(page, window.person)


def test_who_signed_in_again_elsewhere_goes_on(visit: Callable[..., Visit]) -> None:
    """The page takes the new session's token by itself, for what is sent and what is deleted."""
    window = visit()
    page = window.sign_in()
    signed_in(signed_out(page), window.person)
    drop(page, ("notes.txt", "text/plain", b"notes"))
    expect(row(page, "notes.txt")).to_be_visible()
    window.forgive("status of 403")
    # Until then it asks what became of it, and would be led to the form.
    expect(page.locator("#documents [data-busy]")).to_have_count(0)
    signed_in(signed_out(page), window.person)
    row(page, "notes.txt").get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(row(page, "notes.txt")).to_have_count(0)
    window.forgive("status of 403")
    assert window.person.documents() == []


def test_a_page_of_one_person_sends_nothing_for_another(visit: Callable[..., Visit]) -> None:
    """Somebody else signed in meanwhile: the page is not theirs."""
    window = visit()
    page = window.sign_in()
    other = window.person.stack.person("somebody-else")
    signed_in(signed_out(page), other)
    drop(page, ("notes.txt", "text/plain", b"notes"))
    expect(sending(page, "notes.txt")).to_contain_text("Reload the page")
    window.forgive("status of 403")
    assert other.documents() == []
