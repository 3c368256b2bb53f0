"""The content host's side of links to films and sound: a page that plays them, once a download."""

from __future__ import annotations

import httpx
import pytest

from tests.support import recordings
from tests.support.headers import assert_secure
from tests.support.links import clean, downloads, got, shared, ticket
from tests.support.people import Person


@pytest.mark.one_database
def test_a_browser_that_opens_a_film_gets_a_page_with_a_player(alice: Person) -> None:
    """The page costs nothing, until there is not enough left for a player; programs get bytes."""
    film = recordings.film()
    link = shared(alice, clean(alice, "a <b>.mp4", film), disposition="inline", max_downloads=1)
    address = ticket(alice, link["url"])
    as_browser = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    for _ in range(3):
        page = alice.fetch("GET", address, headers=as_browser)
        assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert f'<video src="{httpx.URL(address).path}"' in page.text
        assert "a &lt;b&gt;.mp4" in page.text
        assert page.headers["Cache-Control"] == "private, no-store"
        assert_secure(page, content_host=True)
        head = alice.fetch("HEAD", address, headers=as_browser)
        assert head.headers["Content-Type"] == "video/mp4"
    assert got(alice, address, headers={**as_browser, "Range": "bytes=0-9"}).content == film[:10]
    assert got(alice, address).content == film
    over = alice.fetch("GET", address, headers=as_browser)
    assert (over.status_code, over.headers["Content-Type"]) == (410, "text/html; charset=utf-8")
    assert downloads(alice, link) == 1
