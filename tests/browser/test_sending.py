"""What a real browser makes of answers that come before it has sent everything, or not at all."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Route, expect

from tests.browser.conftest import Visit
from tests.support import samples
from tests.support.pages import drop, row, sending

# More than is still read of a body after its answer.
UNREAD = 24 * 1024 * 1024
# The first file is taken in, and its answer is lost on the way.
_LOSE_AN_ANSWER = """() => {
  const Whole = XMLHttpRequest;
  window.XMLHttpRequest = class extends Whole {
    constructor() {
      super();
      this.addEventListener("load", (event) => {
        if (!this.responseURL.endsWith("/documents")) return;
        window.XMLHttpRequest = Whole;
        event.stopImmediatePropagation();
        Object.defineProperty(this, "status", { value: 0 });
        this.dispatchEvent(new ProgressEvent("error"));
      });
    }
  };
}"""


def large(folder: Path) -> Path:
    """A file of zeros that takes no room."""
    file = folder / "zz large.txt"
    with file.open("wb") as opened:
        opened.truncate(UNREAD)
    return file


def test_a_form_that_is_not_read_to_its_end_is_answered_and_sent_once(
    visit: Callable[..., Visit], tmp_path: Path
) -> None:
    """Of too many files without script, those that were taken in are named, and stored once."""
    names = [f"many {number:02}.txt" for number in range(63)]
    for name in names:
        (tmp_path / name).write_text(name)
    window = visit(java_script_enabled=False)
    page = window.sign_in()
    # The large one at the end is what Chromium is still sending when the answer comes.
    page.locator("#file").set_input_files([*(tmp_path / name for name in names), large(tmp_path)])
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("heading", name="What became of your files")).to_be_visible()
    expect(page.get_by_text("The other files of the form")).to_be_visible()
    window.forgive("status of 413")
    kept = window.person.documents()
    window.person.discard(*(one["id"] for one in kept))
    assert sorted(one["name"] for one in kept) == names


def test_a_form_of_an_ended_session_leads_to_signing_in(
    visit: Callable[..., Visit], tmp_path: Path
) -> None:
    """Where the session ended meanwhile, a large form is answered with the sign-in page."""
    window = visit(java_script_enabled=False)
    page = window.sign_in()
    page.context.clear_cookies()
    page.locator("#file").set_input_files(large(tmp_path))
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("alert")).to_contain_text("nothing of what you sent was taken in")
    window.forgive("status of 401")
    page.get_by_label("Email").fill(window.person.email)
    page.get_by_label("Password").fill(window.person.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/documents")
    assert window.person.documents() == []


def test_a_file_whose_answer_was_lost_is_stored_once(visit: Callable[..., Visit]) -> None:
    """What is sent again then gets the document that it has become already."""
    window = visit()
    page = window.sign_in()
    page.evaluate(_LOSE_AN_ANSWER)
    drop(page, ("notes.txt", "text/plain", samples.txt()))
    lost = sending(page, "notes.txt")
    expect(lost).to_contain_text("The connection broke")
    expect(lost).to_have_count(0)
    expect(row(page, "notes.txt")).to_have_count(1)
    assert len(window.person.documents()) == 1


def _busy(status: int) -> Callable[[Route], None]:
    """An answer that says when to come again."""
    problem = {"title": "Too much at once", "detail": "Wait.", "status": status}
    return lambda route: route.fulfill(status=status, headers={"Retry-After": "90"}, json=problem)


def test_the_queue_waits_as_long_as_the_service_says_and_goes_on(
    visit: Callable[..., Visit],
) -> None:
    """Every file is told for how long, none is refused, and nobody has to press anything."""
    window = visit()
    window.page.clock.install()
    page = window.sign_in()
    page.route("**/upload-check", _busy(429), times=1)
    drop(page, ("one.txt", "text/plain", b"one"))
    waiting = re.compile(r"Too much at once\. It goes on by itself in \d\d seconds")
    expect(sending(page, "one.txt")).to_contain_text(waiting)
    drop(page, ("two.txt", "text/plain", b"two"))
    expect(sending(page, "two.txt")).to_contain_text(waiting)
    expect(page.get_by_role("button", name="Try again")).to_be_hidden()
    page.clock.fast_forward("01:31")
    for name in ("one.txt", "two.txt"):
        expect(row(page, name)).to_be_visible()
    window.forgive("status of 429")


def test_a_file_whose_first_try_is_still_under_way_holds_up_no_other(
    visit: Callable[..., Visit],
) -> None:
    """The service answers 409 and when to ask again: that file waits, others come in."""
    window = visit()
    window.page.clock.install()
    page = window.sign_in()
    page.route("**/api/v1/documents", _busy(409), times=1)
    drop(page, ("one.txt", "text/plain", b"one"))
    expect(sending(page, "one.txt")).to_contain_text("It goes on by itself")
    drop(page, ("two.txt", "text/plain", b"two"))
    expect(row(page, "two.txt")).to_be_visible()
    expect(sending(page, "one.txt")).to_contain_text("It goes on by itself")
    page.clock.fast_forward("01:31")
    expect(row(page, "one.txt")).to_be_visible()
    window.forgive("status of 409")
