"""What a real browser makes of answers that come before it has sent everything, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import Visit

# More than is still read of a body after its answer.
UNREAD = 24 * 1024 * 1024


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
