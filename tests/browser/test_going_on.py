"""The page's uploads on a network that breaks, stalls and comes back: they go on by themselves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import Visit
from tests.support.pages import drop, row, sending
from tests.support.people import PATIENCE
from tests.support.waiting import eventually

BOTH = ["**/upload-check", "**/api/v1/documents"]
ON = "The connection broke. It goes on by itself in "


def _abort(route: Route) -> None:
    route.abort()


@pytest.mark.parametrize("where", BOTH)
def test_a_broken_connection_is_said_and_made_good(visit: Callable[..., Visit], where: str) -> None:
    """The network fails once: the row says so, and the same file is sent again."""
    window = visit()
    window.page.clock.install()
    page = window.sign_in()
    page.route(where, _abort, times=1)
    drop(page, ("notes.txt", "text/plain", b"notes"))
    expect(sending(page, "notes.txt")).to_contain_text(f"{ON}2 seconds")
    page.clock.fast_forward("00:03")
    expect(row(page, "notes.txt")).to_be_visible()
    window.forgive("ERR_FAILED")


def test_who_is_never_answered_is_left_with_a_button(visit: Callable[..., Visit]) -> None:
    """After a minute, as long as a restart may take; the button begins anew."""
    window = visit()
    window.page.clock.install()
    page = window.sign_in()
    page.route("**/upload-check", _abort, times=6)
    drop(page, ("notes.txt", "text/plain", b"notes"))
    lost = sending(page, "notes.txt")
    for seconds in (2, 4, 8, 16, 30):
        expect(lost).to_contain_text(f"{ON}{seconds} seconds")
        page.clock.fast_forward(seconds * 1000 + 1000)
    expect(lost).to_contain_text("Check the connection and try again")
    for _ in range(6):
        window.complaints.remove(next(one for one in window.complaints if "ERR_FAILED" in one))
    lost.get_by_role("button", name="Try again").click()
    expect(row(page, "notes.txt")).to_be_visible()


def test_a_network_that_comes_back_is_not_waited_for(visit: Callable[..., Visit]) -> None:
    """While the browser has none no try counts; with it all go on at once."""
    window = visit()
    page = window.sign_in()
    page.context.set_offline(True)
    drop(page, *((f"{name}.txt", "text/plain", name.encode()) for name in "abcd"))
    for name in "abc":
        expect(sending(page, f"{name}.txt")).to_contain_text(ON)
    expect(sending(page, "d.txt")).to_contain_text(ON)
    page.context.set_offline(False)
    for name in "abcd":
        expect(row(page, f"{name}.txt")).to_be_visible()
    window.complaints[:] = [one for one in window.complaints if "DISCONNECTED" not in one]


def test_nor_is_it_by_what_is_asked_of_documents(visit: Callable[..., Visit]) -> None:
    """Asked in vain it waits longer and longer; with the network there again, no more."""
    window = visit()
    window.page.clock.install()
    page = window.sign_in()
    asked = "**/api/v1/documents?limit=50"
    page.route(asked, _abort)
    drop(page, ("notes.txt", "text/plain", b"notes"))
    for _ in range(5):
        with page.expect_event("requestfailed"):
            page.clock.fast_forward("00:16")
    expect(page.locator("#connection")).to_be_visible()
    page.unroute(asked)
    page.evaluate("dispatchEvent(new Event('online'))")
    with page.expect_response(asked, timeout=8000):
        page.clock.fast_forward("00:02")
    expect(page.locator("#connection")).to_be_hidden()
    window.complaints[:] = [one for one in window.complaints if "ERR_FAILED" not in one]


def test_a_line_on_which_nothing_moves_is_spoken_of(visit: Callable[..., Visit]) -> None:
    window = visit()
    window.page.clock.install()
    page = window.sign_in()
    held: list[Route] = []
    page.route("**/upload-check", lambda route: held.append(route))
    drop(page, ("notes.txt", "text/plain", b"notes"))
    waits = sending(page, "notes.txt")
    expect(waits).to_contain_text("Uploading – 0 %")
    page.clock.fast_forward("00:16")
    expect(waits).to_contain_text("Nothing has got through for a while.")
    expect(page.locator("#status")).to_contain_text("notes.txt: Nothing has got through")
    held[0].continue_()
    expect(row(page, "notes.txt")).to_be_visible()


def test_a_file_that_went_meanwhile_is_not_the_networks_fault(
    visit: Callable[..., Visit], tmp_path: Path
) -> None:
    """What fails like a broken connection, and always would, is told as what it is."""
    window = visit()
    page = window.sign_in()
    file = tmp_path / "notes.txt"
    file.write_bytes(b"notes")

    def take_away(route: Route) -> None:
        file.unlink()
        route.abort()

    page.route("**/api/v1/documents", take_away)
    page.locator("#file").set_input_files(file)
    gone = sending(page, "notes.txt")
    expect(gone).to_contain_text("The file can no longer be read")
    expect(gone.get_by_role("button", name="Try again")).to_be_hidden()
    window.forgive("ERR_FAILED")


def test_what_was_cancelled_stays_so(visit: Callable[..., Visit]) -> None:
    """While it waits for the network to come back."""
    window = visit()
    window.page.clock.install()
    page = window.sign_in()
    page.route("**/upload-check", _abort, times=1)
    drop(page, ("notes.txt", "text/plain", b"notes"))
    waits = sending(page, "notes.txt")
    expect(waits).to_contain_text(ON)
    waits.get_by_role("button", name="Cancel").click()
    expect(waits).to_have_count(0)
    page.clock.fast_forward("00:05")
    expect(page.locator("#empty")).to_be_visible()
    assert window.person.documents() == []
    window.forgive("ERR_FAILED")


def test_a_session_that_ended_asks_once_whether_to_leave(visit: Callable[..., Visit]) -> None:
    """Each of the files that wait is refused; who stays to see which is not asked for each."""
    window = visit()
    page = window.sign_in()
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.locator("#documents-title").click()  # a page that nobody touched may not ask
    page.context.clear_cookies()
    drop(page, *((f"{name}.txt", "text/plain", name.encode()) for name in "abcde"))
    expect(page.locator("#uploads [data-phase=refused]")).to_have_count(5)
    assert asked == ["beforeunload"]
    for _ in range(5):
        eventually(lambda: any("status of 401" in one for one in window.complaints), PATIENCE)
        window.complaints.remove(next(one for one in window.complaints if "401" in one))
