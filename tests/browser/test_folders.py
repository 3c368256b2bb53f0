"""Folders that fall on the page: what is in them goes up, or it is said why not."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.support.pages import drop_paths, row, sending


@pytest.fixture
def holiday(tmp_path: Path) -> Path:
    """Files on two levels, a hidden one, and an empty folder."""
    folder = tmp_path / "holiday"
    (folder / "sea" / "empty").mkdir(parents=True)
    for name in ("one.txt", "sea/two.txt", ".hidden.txt"):
        (folder / name).write_text(name)
    return folder


def test_a_folder_and_a_file_beside_it_are_sent(
    visit: Callable[..., Visit], holiday: Path, tmp_path: Path
) -> None:
    """Each file under its own name; nobody meant the hidden ones."""
    window = visit()
    page = window.sign_in()
    (tmp_path / "beside.txt").write_text("beside")
    drop_paths(page, holiday, tmp_path / "beside.txt")
    for name in ("one.txt", "two.txt", "beside.txt"):
        expect(row(page, name)).to_be_visible()
    expect(page.locator("#uploads .doc")).to_have_count(0)
    names = sorted(one["name"] for one in window.person.documents())
    assert names == ["beside.txt", "one.txt", "two.txt"]


def test_it_is_said_why_nothing_of_a_folder_is_sent(
    visit: Callable[..., Visit], holiday: Path, tmp_path: Path
) -> None:
    """Without files, with too many, or gone by the time it is read."""
    window = visit()
    page = window.sign_in()
    crowd = tmp_path / "crowd"
    (crowd / "more").mkdir(parents=True)
    for number in range(1001):
        os.link(holiday / "one.txt", crowd / "more" / f"{number}.txt")
    drop_paths(page, holiday / "sea" / "empty", crowd)
    expect(sending(page, "empty")).to_contain_text("There are no files in this folder")
    expect(sending(page, "crowd")).to_contain_text("There are too many files in this folder")
    sending(page, "empty").get_by_role("button", name="Dismiss empty").click()
    expect(sending(page, "empty")).to_have_count(0)
    assert window.person.documents() == []
