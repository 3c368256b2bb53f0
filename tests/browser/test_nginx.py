"""What a person sees in a real browser when the service stands behind nginx, over TLS."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.support import samples
from tests.support.nginx import Nginx
from tests.support.pages import SETTLED_MS, drop, expect_picture, row, sending
from tests.support.stack import Stack

MIB = 1024 * 1024
# Nothing of this has to do with the database: once is enough.
pytestmark = pytest.mark.one_database


@pytest.fixture
def stack(proxied: Stack) -> Stack:
    """Everybody here comes through nginx."""
    return proxied


def test_a_dropped_photo_turns_clean_and_comes_back_whole(visit: Callable[..., Visit]) -> None:
    """Sign in, upload, thumbnail from the content host, download: all of it over TLS."""
    page = visit(ignore_https_errors=True).sign_in()
    photo = samples.photo_with_gps(1)
    drop(page, ("beach.jpg", "image/jpeg", photo))
    expect(row(page, "beach.jpg")).to_have_attribute("data-state", "clean", timeout=SETTLED_MS)
    expect_picture(row(page, "beach.jpg").locator("img"))
    with page.expect_download() as download:
        row(page, "beach.jpg").get_by_role("link", name="Download").click()
    assert Path(download.value.path()).read_bytes() == photo


@pytest.mark.parametrize("script", [True, False])
def test_a_large_file_of_the_wrong_type_is_refused_in_words(
    visit: Callable[..., Visit], tmp_path: Path, script: bool
) -> None:
    """90 MiB of ZIP called .jpg: through nginx too the sentence is there, not a reset."""
    wrong = tmp_path / "holiday.jpg"
    wrong.write_bytes(samples.zip_file())
    with wrong.open("r+b") as file:
        file.truncate(90 * MIB)
    window = visit(ignore_https_errors=True, java_script_enabled=script)
    page = window.sign_in()
    # As if the file were right by its first bytes: it is the refusal in its middle that counts.
    page.route("**/upload-check", lambda route: route.fulfill(json={"problem": None}))
    page.locator("#file").set_input_files(wrong)
    if script:
        refused = sending(page, "holiday.jpg")
    else:
        page.get_by_role("button", name="Upload").click()
        refused = page.locator(".doc").filter(has_text="holiday.jpg")
    expect(refused).to_contain_text("The file's name and type do not agree", timeout=SETTLED_MS)
    if script:
        window.forgive("status of 415")


def test_what_nginx_says_itself_is_a_page(visit: Callable[..., Visit], nginx: Nginx) -> None:
    """Its page is styled, breaks no policy, and leads to the start."""
    window = visit(ignore_https_errors=True)
    page = window.page
    page.goto(f"{nginx.app_url}/readyz")
    expect(page.get_by_role("heading")).to_have_text("Not found")
    assert page.evaluate("getComputedStyle(document.body).maxWidth") != "none"
    window.forgive("status of 404")
    # A sandboxed page has no origin to be keyed by; Chromium says so of the content host's, too.
    window.forgive("could not be origin-keyed")
    page.get_by_role("link", name="To the start page").click()
    expect(page.get_by_label("Email")).to_be_visible()
