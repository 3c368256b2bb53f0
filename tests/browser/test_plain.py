"""What a person sees without script, on a phone, and in the README's picture."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.browser.conftest import Visit
from tests.support import samples
from tests.support.pages import SEEN_BY_CLAMAV, SETTLED_MS, expect_picture, row

ROOT = Path(__file__).parents[2]
ASKING = re.compile(r"/documents/doc_\w+/delete\??$")
PHONE = {"viewport": {"width": 375, "height": 760}, "device_scale_factor": 2, "has_touch": True}


def choose(page: Page, *files: tuple[str, str, bytes]) -> None:
    payloads: list[FilePayload] = [
        {"name": name, "mimeType": type_, "buffer": data} for name, type_, data in files
    ]
    page.locator("#file").set_input_files(payloads)


def test_the_plain_form_takes_several_files_and_judges_each(visit: Callable[..., Visit]) -> None:
    """Without script two files go in with one form: one is accepted, one refused, both in words."""
    window = visit(java_script_enabled=False)
    page = window.sign_in()
    choose(
        page,
        ("photo.png", "image/png", samples.png()),
        ("wrong.pdf", "application/pdf", samples.png()),
    )
    page.get_by_role("button", name="Upload").click()
    expect(page.locator(".doc").filter(has_text="photo.png")).to_contain_text("It has arrived")
    wrong = page.locator(".doc").filter(has_text="wrong.pdf")
    expect(wrong).to_contain_text("The file's name and type do not agree")
    # The page can be shown again, left and come back to; nothing is sent once more.
    page.reload()
    expect(wrong).to_contain_text("The file's name and type do not agree")
    page.go_back()
    expect(page.get_by_role("heading", name="Your documents")).to_be_visible()
    page.go_forward()
    expect(wrong).to_contain_text("The file's name and type do not agree")
    assert [one["name"] for one in window.person.documents()] == ["photo.png"]
    page.get_by_role("link", name="photo.png", exact=True).click()
    page.wait_for_url(re.compile(r"/documents/doc_\w+$"))
    document_id = page.url.rpartition("/")[2]
    assert window.person.settle(document_id)["state"] == "clean"
    page.goto(f"{window.person.stack.base_url}/documents")
    expect(row(page, "photo.png")).to_contain_text(SEEN_BY_CLAMAV)
    with page.expect_download() as download:
        row(page, "photo.png").get_by_role("link", name="Download").click()
    assert Path(download.value.path()).read_bytes() == samples.png()
    # Each page has a button of that name: only its address tells whether the next one is there.
    row(page, "photo.png").get_by_role("button", name="Delete").click()
    page.wait_for_url(ASKING)
    expect(page.get_by_role("heading", name="Delete this document?")).to_be_visible()
    page.get_by_role("link", name="Keep it").click()
    page.wait_for_url(f"**/documents/{document_id}")
    page.get_by_role("button", name="Delete").click()
    page.wait_for_url(ASKING)
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Nothing here yet")).to_be_visible()


def test_a_phone_shows_everything_within_its_width(
    visit: Callable[..., Visit], tmp_path: Path
) -> None:
    """At 375 pixels nothing runs out of the window, and buttons are large enough."""
    window = visit(**PHONE)
    page = window.sign_in()
    long_name = "a_name_without_a_single_place_to_break_" * 4 + ".jpg"
    choose(
        page,
        (long_name, "image/jpeg", samples.jpeg()),
        ("bill.txt", "text/plain", samples.eicar()),
    )
    expect_picture(row(page, "a_name_without").locator("img"))
    expect(row(page, "bill.txt")).to_have_attribute("data-state", "infected", timeout=SETTLED_MS)
    page.screenshot(path=tmp_path / "phone.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") == 375
    for button in row(page, "a_name_without").locator(".btn").all():
        box = button.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 36
    row(page, "a_name_without").locator(".doc-name").click()
    expect_picture(page.locator(".sheet-picture"))
    assert page.evaluate("document.documentElement.scrollWidth") == 375


def test_the_picture_in_the_readme_is_of_this_page(
    visit: Callable[..., Visit], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """A list with several documents, as it looks today; with --picture it becomes the README's."""
    page = visit(viewport={"width": 1180, "height": 860}, device_scale_factor=1).sign_in()
    choose(
        page,
        ("budget.xlsx", "", samples.xlsx()),
        ("meeting.m4a", "audio/mp4", samples.iso_media(b"M4A ")),
        ("invoice.zip", "application/zip", samples.eicar_zip()),
        ("quarterly report.pdf", "application/pdf", samples.pdf()),
        ("lighthouse.jpg", "image/jpeg", samples.jpeg()),
    )
    states = page.locator("#documents .doc:not([data-tone=busy])")
    expect(states).to_have_count(5, timeout=SETTLED_MS)
    for name in ("quarterly report.pdf", "lighthouse.jpg"):
        expect_picture(row(page, name).locator("img"))
    expect(row(page, "invoice.zip")).to_contain_text("Contains malware")
    asked = request.config.getoption("--picture")
    picture = ROOT / "docs" / "screenshot.png" if asked else tmp_path / "screenshot.png"
    page.mouse.move(0, 0)
    page.screenshot(path=picture)
    assert picture.stat().st_size > 20_000
