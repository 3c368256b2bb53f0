"""What a person sees and does in a real browser, with script."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Visit
from tests.support import samples
from tests.support.pages import SEEN_BY_CLAMAV, SETTLED_MS, drop, expect_picture, row, sending

MIB = 1024 * 1024
LISTED = re.compile(r"/api/v1/documents\?limit=")


def test_dropped_files_turn_clean_with_pictures_come_back_whole_and_go(
    visit: Callable[..., Visit],
) -> None:
    """Drop a photo and a PDF: both turn clean without a reload, download equal, and are deleted."""
    page = visit().sign_in()
    expect(page.get_by_text("Nothing here yet")).to_be_visible()
    files = {"beach.jpg": samples.photo_with_gps(1), "report.pdf": samples.pdf()}
    drop(
        page,
        ("beach.jpg", "image/jpeg", files["beach.jpg"]),
        ("report.pdf", "application/pdf", files["report.pdf"]),
    )
    for name, content in files.items():
        expect(row(page, name)).to_have_attribute("data-state", "clean", timeout=SETTLED_MS)
        expect(row(page, name)).to_contain_text(SEEN_BY_CLAMAV)
        expect_picture(row(page, name).locator("img"))
        expect(row(page, name).locator("img")).to_have_attribute("loading", "lazy")
        with page.expect_download() as download:
            row(page, name).get_by_role("link", name="Download").click()
        assert download.value.suggested_filename == name
        assert Path(download.value.path()).read_bytes() == content
    for name in files:
        row(page, name).get_by_role("button", name=f"Delete {name}").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        expect(row(page, name)).to_have_count(0)
        expect(page.get_by_role("status")).to_contain_text(f"{name} was deleted")
    page.reload()
    expect(page.get_by_text("Nothing here yet")).to_be_visible()


def test_a_picture_that_comes_late_is_shown_all_the_same(visit: Callable[..., Visit]) -> None:
    """On a busy machine it comes a minute after the verdict: nobody has to load the page anew."""
    window = visit()
    window.page.clock.install()
    page = window.sign_in()
    page.route(LISTED, _without_pictures)
    drop(page, ("beach.png", "image/png", samples.png()))
    expect(row(page, "beach.png")).to_have_attribute("data-state", "clean", timeout=SETTLED_MS)
    page.clock.fast_forward("01:00")
    page.unroute_all(behavior="wait")
    expect_picture(row(page, "beach.png").locator("img"))


def _without_pictures(route: Route) -> None:
    """Let the list say what it says as long as no picture is made."""
    answer = route.fetch()
    listed = answer.json()
    listed["items"] = [{**one, "renditions": []} for one in listed["items"]]
    route.fulfill(response=answer, json=listed)


def test_deleting_asks_first(visit: Callable[..., Visit]) -> None:
    """Keep it, and it stays; Escape means the same."""
    page = visit().sign_in()
    drop(page, ("notes.txt", "text/plain", samples.txt()))
    expect(row(page, "notes.txt")).to_be_visible()
    row(page, "notes.txt").get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Keep it").click()
    row(page, "notes.txt").get_by_role("button", name="Delete").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.reload()
    expect(row(page, "notes.txt")).to_be_visible()


@pytest.fixture
def holiday(tmp_path: Path) -> Path:
    """90 MiB of ZIP called .jpg."""
    wrong = tmp_path / "holiday.jpg"
    wrong.write_bytes(samples.zip_file())
    with wrong.open("r+b") as file:
        file.truncate(90 * MIB)
    return wrong


def expect_words_of_mismatch(page: Page) -> None:
    refused = sending(page, "holiday.jpg")
    expect(refused).to_contain_text("The file's name and type do not agree", timeout=SETTLED_MS)
    expect(refused).to_contain_text("should be a JPEG picture, but its content looks like a ZIP")
    expect(refused.get_by_role("button", name="Try again")).to_be_hidden()
    expect(page.locator("#documents .doc")).to_have_count(0)


def test_a_large_file_of_the_wrong_type_is_refused_in_words(
    visit: Callable[..., Visit], holiday: Path
) -> None:
    """The sentence stands in the row before anything was uploaded, and nothing in the console."""
    page = visit().sign_in()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url.rpartition("/")[2]))
    page.locator("#file").set_input_files(holiday)
    expect_words_of_mismatch(page)
    assert [path for path in sent if path in {"upload-check", "documents"}] == ["upload-check"]
    refused = sending(page, "holiday.jpg")
    refused.get_by_role("button", name="Dismiss").click()
    expect(refused).to_have_count(0)


def test_a_refusal_in_the_middle_of_an_upload_is_said_as_well(
    visit: Callable[..., Visit], holiday: Path
) -> None:
    """The door judges for itself: where the check let it pass, its own sentence stands there."""
    window = visit()
    page = window.sign_in()
    page.route("**/upload-check", lambda route: route.fulfill(json={"problem": None}))
    page.locator("#file").set_input_files(holiday)
    expect_words_of_mismatch(page)
    # Chromium itself writes a line about every answer from 400 on, and takes an answer in the
    # middle of an upload only if it is one of those: that is why the page asks first.
    window.forgive("status of 415")


def test_what_the_policy_names_is_said_before_the_upload(visit: Callable[..., Visit]) -> None:
    """An ending that is not accepted needs no upload to be refused."""
    page = visit().sign_in()
    drop(page, ("tool.exe", "application/octet-stream", b"MZ"))
    expect(sending(page, "tool.exe")).to_contain_text("This kind of file is not accepted")


def test_a_byte_too_many_is_said_to_the_byte(visit: Callable[..., Visit], tmp_path: Path) -> None:
    """Where size and limit round alike, both are written out."""
    large = tmp_path / "large.txt"
    large.touch()
    with large.open("r+b") as file:
        file.truncate(100 * MIB + 1)
    page = visit().sign_in()
    page.locator("#file").set_input_files(large)
    refused = sending(page, "large.txt")
    expect(refused).to_contain_text("104,857,601 bytes; at most 104,857,600 bytes are accepted")


def test_malware_is_named_and_locked_away(visit: Callable[..., Visit]) -> None:
    """The virus is named in words, there is nothing to download, script and server say the same."""
    page = visit().sign_in()
    drop(page, ("bill.txt", "text/plain", samples.eicar()))
    found = row(page, "bill.txt")
    expect(found).to_have_attribute("data-state", "infected", timeout=SETTLED_MS)
    expect(found).to_contain_text("Contains malware (")
    expect(found).to_contain_text("locked away and cannot be downloaded")
    expect(found.get_by_role("link", name="Download")).to_be_hidden()
    sentence = found.locator("[data-slot=sentence]")
    by_script = sentence.inner_text()
    page.reload()
    expect(sentence).to_have_text(by_script)
    found.get_by_role("link", name="bill.txt", exact=True).click()
    expect(page.get_by_role("heading", name="bill.txt")).to_be_visible()
    expect(page.get_by_text("Who inspected it")).to_be_visible()
    expect(page.locator(".engine").filter(has_text="YARA")).to_contain_text("Found: EICAR")
    expect(page.locator(".engine").filter(has_text="ClamAV")).to_contain_text("Found")


def test_a_name_is_text_and_never_markup(visit: Callable[..., Visit]) -> None:
    """Markup in a name is shown letter by letter by script, server and dialog."""
    name = "<img src=x onerror=alert(1)>{{7*7}}.png"
    page = visit().sign_in()
    drop(page, (name, "image/png", samples.png()))
    for _ in range(2):
        shown = row(page, "onerror")
        expect(shown.locator("[data-slot=name]")).to_have_text(name)
        expect(shown.locator("img[src='x']")).to_have_count(0)
        page.reload()
    row(page, "onerror").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("dialog").locator("bdi")).to_have_text(name)


def test_three_files_at_a_time_tell_how_far_they_are(visit: Callable[..., Visit]) -> None:
    """Of five files on a slow line three show their progress, two wait, and all arrive."""
    page = visit().sign_in()
    line = page.context.new_cdp_session(page)
    line.send("Network.enable")
    line.send("Network.emulateNetworkConditions", _line(upload=50_000))
    names = [f"file{number}.txt" for number in range(5)]
    # Each by itself takes three minutes so: time enough to look at all of them.
    drop(page, *((name, "text/plain", name.encode() * 300_000) for name in names))
    expect(page.locator("#uploads [data-phase=sending]")).to_have_count(3)
    expect(page.locator("#uploads [data-phase=waiting]")).to_have_count(2)
    expect(sending(page, "file0.txt")).to_contain_text(re.compile(r"Uploading – [1-9]\d? %"))
    expect(sending(page, "file4.txt")).to_contain_text("Waiting for its turn")
    line.send("Network.emulateNetworkConditions", _line(upload=-1))
    for name in names:
        expect(row(page, name)).to_have_attribute("data-state", "clean", timeout=SETTLED_MS)


def test_the_list_stands_as_it_will_after_a_reload(visit: Callable[..., Visit]) -> None:
    """Newest is what began last, not what arrived last: a slow file stays below a quick one."""
    page = visit().sign_in()
    line = page.context.new_cdp_session(page)
    line.send("Network.enable")
    line.send("Network.emulateNetworkConditions", _line(upload=200_000))
    # Whole, it would take a minute. Of a twentieth the service has read the first piece, and so the
    # document has begun.
    drop(page, ("slow.txt", "text/plain", b"slow file\n" * 1_200_000))
    under_way = re.compile(r"Uploading – ([5-9]|[1-9]\d) %")
    expect(sending(page, "slow.txt")).to_contain_text(under_way, timeout=SETTLED_MS)
    drop(page, ("quick.txt", "text/plain", b"quick file\n"))
    expect(row(page, "quick.txt")).to_be_visible(timeout=SETTLED_MS)
    line.send("Network.emulateNetworkConditions", _line(upload=-1))
    expect(row(page, "slow.txt")).to_be_visible(timeout=SETTLED_MS)
    names = page.locator("#documents [data-slot=name]")
    expect(names).to_have_text(["quick.txt", "slow.txt"])
    page.reload()
    expect(names).to_have_text(["quick.txt", "slow.txt"])


def _line(upload: int) -> dict[str, int | bool]:
    """Chromium's network with so many bytes a second going up; -1 is as fast as it can."""
    return {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": upload}


def test_an_ended_session_leads_to_the_form_and_back(visit: Callable[..., Visit]) -> None:
    """Sign out, open a page of the inside: the form appears, and leads where one wanted to go."""
    window = visit()
    page = window.sign_in()
    page.locator("details.menu summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in")
    page.goto(f"{window.person.stack.base_url}/documents")
    page.wait_for_url(re.compile(r"/sign-in\?next=/documents$"))
    page.get_by_label("Email").fill(window.person.email)
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("do not belong together")
    window.forgive("status of 401")
    page.get_by_label("Password").fill(window.person.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/documents")


def test_a_page_from_the_browsers_memory_is_asked_for_anew(visit: Callable[..., Visit]) -> None:
    """Signed out meanwhile, the button Back shows no list any more."""
    page = visit().sign_in()
    page.context.clear_cookies()
    # What a browser does with a page that it has kept whole; this one is told to keep none.
    page.evaluate('dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }))')
    page.wait_for_url(re.compile(r"/sign-in"))


def test_older_documents_come_below(visit: Callable[..., Visit]) -> None:
    """After fifty documents a link brings the older ones, with script below the newer ones."""
    window = visit()
    ids = [window.person.upload(f"note{n:02}.txt", b"note %d" % n) for n in range(52)]
    page = window.sign_in()
    expect(page.locator("#documents .doc")).to_have_count(50)
    page.get_by_role("link", name="Older documents").click()
    expect(page.locator("#documents .doc")).to_have_count(52)
    expect(page.locator("#documents .doc").last).to_contain_text("note00.txt")
    expect(page.get_by_role("link", name="Older documents")).to_be_hidden()
    page.close()  # it would ask for the pictures of what goes now
    window.person.discard(*ids)
    window.person.stack.rest()
