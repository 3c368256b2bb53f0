"""Sharing on a document's page, and what a link's holder sees."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PATIENCE_MS, Visit
from tests.support import recordings, samples
from tests.support.links import clean, downloads
from tests.support.people import PATIENCE, Person
from tests.support.waiting import eventually


@dataclass
class Stranger:
    """A window of somebody without an account; `said` is its console, where Chromium writes of a
    sandboxed page whatever the sandbox keeps out, the test's own scripts among it."""

    page: Page
    said: list[str] = field(default_factory=list)


@pytest.fixture
def stranger(chromium: Browser) -> Iterator[Stranger]:
    with chromium.new_context(accept_downloads=True) as context:
        context.set_default_timeout(PATIENCE_MS)
        made = Stranger(context.new_page())
        made.page.on("console", lambda message: made.said.append(message.text))
        yield made


def opened(page: Page, visit: Visit, document_id: str) -> None:
    page.goto(f"{visit.person.stack.base_url}/documents/{document_id}")


def test_a_link_is_made_copied_used_and_revoked(visit: Callable[..., Visit]) -> None:
    """With script: the address is in the clipboard, the count goes up, and then it is over."""
    window = visit(permissions=["clipboard-read", "clipboard-write"])
    page = window.sign_in()
    archive = samples.zip_file()  # no picture of it comes later and shows the page anew
    opened(page, window, clean(window.person, "notes.zip", archive))
    page.get_by_label("Lasts", exact=True).select_option("a day")
    page.get_by_label("Downloads, at most", exact=True).fill("2")
    page.get_by_role("button", name="Make a link", exact=True).click()
    line = page.locator("[data-link]")
    expect(line).to_contain_text("0 of 2 downloads, until ")
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.get_by_role("button", name="Copied", exact=True)).to_be_visible()
    address = page.evaluate("navigator.clipboard.readText()")
    assert address == page.get_by_label("Address of link 1", exact=True).input_value()
    fetched = httpx.get(address, follow_redirects=True, timeout=180)
    assert fetched.content == archive
    page.reload()
    expect(line).to_contain_text("1 of 2 downloads")
    page.get_by_role("button", name="Revoke link 1", exact=True).click()
    expect(page.get_by_role("heading", name="Share", exact=True)).to_be_visible()
    expect(line).to_have_count(0)
    assert httpx.get(address, timeout=180).status_code == 410


def test_a_password_is_asked_for_and_the_download_follows(
    visit: Callable[..., Visit], stranger: Stranger, tmp_path: Path
) -> None:
    """Without script on either side: the form alone, in Chromium, under the sandbox's policy."""
    window = visit(java_script_enabled=False)
    page = window.sign_in()
    content = samples.png()
    document_id = clean(window.person, "a picture.png", content)
    opened(page, window, document_id)
    page.get_by_label("With a password", exact=True).fill("correct horse")
    page.get_by_role("button", name="Make a link", exact=True).click()
    expect(page.locator("[data-link]")).to_contain_text("0 downloads, with a password")
    expect(page.get_by_role("button", name="Copy", exact=True)).to_have_count(0)
    address = page.get_by_label("Address of link 1", exact=True).input_value()
    page = stranger.page
    page.goto(address)
    # The style is let in: the button is as wide as the field.
    field = page.get_by_label("Password", exact=True)
    button = page.get_by_role("button", name="Download", exact=True)
    widths = [one.bounding_box() for one in (field, button)]
    assert widths[0]
    assert widths[1]
    assert abs(widths[0]["width"] - widths[1]["width"]) < 1
    field.fill("wrong horse")
    button.click()
    expect(page.get_by_role("alert")).to_contain_text("That was not the password")
    field.fill("correct horse")
    with page.expect_download() as download:
        button.click()
    assert download.value.suggested_filename == "a picture.png"
    download.value.save_as(tmp_path / "got.png")
    assert (tmp_path / "got.png").read_bytes() == content
    (link,) = window.person.api.get(f"/documents/{document_id}/links").json()["items"]
    assert downloads(window.person, link) == 1
    assert not [line for line in stranger.said if "Content Security Policy" in line]


def shown(person: Person, stranger: Stranger, name: str, content: bytes, **more: int) -> str:
    """What Chromium opens by an inline link; the policy that it came under."""
    wish = {"documents": [clean(person, name, content)], "disposition": "inline", **more}
    link = person.api.post("/links", json=wish).json()
    answer = stranger.page.goto(link["url"])
    assert answer is not None
    assert answer.status in {200, 206}
    assert downloads(person, link) == 1
    return answer.headers["content-security-policy"]


@pytest.mark.parametrize("name", ["a.png", "a.txt"])
def test_what_is_safe_is_shown_in_the_sandbox(
    person: Person, stranger: Stranger, name: str
) -> None:
    """A picture and a text by an inline link: Chromium shows them and does not save them."""
    policy = shown(person, stranger, name, samples.SAMPLES[name.removeprefix("a.")]())
    assert policy.startswith("sandbox; default-src 'none'; ")
    assert ("style-src" in policy) == (name == "a.png")
    expect(stranger.page.locator("img" if name == "a.png" else "pre")).to_be_visible()
    assert not [line for line in stranger.said if "Content Security Policy" in line]


@pytest.mark.parametrize(
    ("name", "content"), [("a.wav", recordings.sound()), ("a.mp4", recordings.film())]
)
def test_sound_and_film_are_played(
    person: Person, stranger: Stranger, name: str, content: bytes
) -> None:
    """To their end, where one download is all that there is; then the page says that it is over."""
    policy = shown(person, stranger, name, content, max_downloads=1)
    assert policy.startswith("sandbox allow-same-origin; default-src 'none'; media-src 'self'; ")
    player = stranger.page.locator("video, audio")
    # Without scripts no promise is ever kept: nothing may wait for that of play().
    player.evaluate("one => { one.muted = true; one.play() }")
    eventually(lambda: player.evaluate("one => one.currentTime") > 0.2, PATIENCE)
    assert player.evaluate("one => one.readyState") >= 2
    length = player.evaluate("one => one.duration")
    assert length == pytest.approx(2 if name == "a.wav" else 1, 0.1)
    player.evaluate("one => { one.currentTime = 0.1; one.play() }")
    eventually(lambda: player.evaluate("one => one.ended && !one.error"), PATIENCE)
    assert not [line for line in stranger.said if "Content Security Policy" in line]
    stranger.page.reload()
    expect(stranger.page.get_by_role("heading")).to_have_text("This link is used up")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_small_print_can_be_read(
    person: Person, stranger: Stranger, scheme: Literal["light", "dark"]
) -> None:
    """4.5 to 1 against the page at least (WCAG 2.2, 1.4.3), by day and by night."""
    page = stranger.page
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{person.stack.content_url}/links/none")
    written = page.locator(".small").evaluate("one => getComputedStyle(one).color")
    behind = (255, 255, 255) if scheme == "light" else (18, 18, 18)
    light, dark = sorted((_luminance(_numbers(written)), _luminance(behind)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def _numbers(color: str) -> tuple[int, ...]:
    return tuple(int(one) for one in re.findall(r"\d+", color)[:3])


def _luminance(color: tuple[int, ...]) -> float:
    parts = [one / 255 for one in color]
    red, green, blue = (((one + 0.055) / 1.055) ** 2.4 if one > 0.04 else one / 13 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
