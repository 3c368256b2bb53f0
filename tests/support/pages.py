"""What hands do on the pages, and where eyes look."""

from __future__ import annotations

import base64
import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.support.people import PATIENCE

SETTLED_MS = PATIENCE * 1000
SEEN_BY_CLAMAV = re.compile(r"Clean – inspected by .*ClamAV \d")
_DROP = """([zone, files]) => {
  const transfer = new DataTransfer();
  for (const [name, type, content] of files) {
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
    transfer.items.add(new File([bytes], name, { type }));
  }
  const tell = (kind) => zone.dispatchEvent(
    new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: transfer }));
  ["dragenter", "dragover", "drop"].forEach(tell);
}"""


def drop(page: Page, *files: tuple[str, str, bytes]) -> None:
    """Let files (name, type, bytes) fall on the zone, as the browser tells the page of it."""
    zone = page.locator("#upload-form").element_handle()
    packed = [(name, type_, base64.b64encode(data).decode()) for name, type_, data in files]
    page.evaluate(_DROP, [zone, packed])


def drop_paths(page: Page, *paths: Path) -> None:
    """Let files and folders of the disk fall on the zone, as a file manager does."""
    box = page.locator("#upload-form").bounding_box()
    assert box is not None
    at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    session = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "data": data, **at})
    session.detach()


def row(page: Page, name: str) -> Locator:
    return page.locator("#documents .doc").filter(has_text=name)


def sending(page: Page, name: str) -> Locator:
    return page.locator("#uploads .doc").filter(has_text=name)


def expect_picture(picture: Locator) -> None:
    """The image is there, loaded and has pixels."""
    expect(picture).to_be_visible(timeout=SETTLED_MS)
    expect(picture).to_have_js_property("complete", True)
    expect(picture).not_to_have_js_property("naturalWidth", 0)
