"""SVG and HTML: off by default; switched on, they leave only as attachments of the content host."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.support import plain
from tests.support.active_files import ACTIVE
from tests.support.headers import assert_secure
from tests.support.people import Person
from tests.support.stack import Stack
from workers.rendering.render import LOADERS

# Nothing of this has to do with the database: once is enough.
pytestmark = pytest.mark.one_database

TYPES = {"svg": "image/svg+xml", "html": "text/html; charset=utf-8"}


@pytest.fixture(scope="module")
def carol(make_stack: Callable[..., Stack]) -> Iterator[Person]:
    """A user of a service whose operator has named both types, and one ordinary type."""
    made = make_stack(UPLOADS_TYPES="svg,html,png")
    yield made.person("carol")
    made.close()


@pytest.mark.parametrize("ending", ACTIVE)
def test_they_are_refused_by_default(alice: Person, ending: str) -> None:
    """Nobody has to know that these types are dangerous."""
    answer = alice.post(f"a.{ending}", ACTIVE[ending]())
    assert (answer.status_code, answer.json()["code"]) == (415, "type-not-allowed")


def test_switched_on_they_are_attachments_of_the_content_host(carol: Person) -> None:
    """Sandboxed, for no other site, never displayed or drawn, and gone with their document."""
    for ending, make in ACTIVE.items():
        document = carol.settle(carol.upload(f"a.{ending}", make()))
        assert (document["state"], document["renditions"]) == ("clean", [])
        answer = carol.api.get(f"/documents/{document['id']}/content")
        assert answer.status_code == 302
        address = answer.headers["Location"]
        head = carol.api.head(f"/documents/{document['id']}/content")
        assert address.startswith(f"{carol.stack.content_url}/downloads/")
        fetched = plain.get(address)
        assert (fetched.status_code, fetched.content) == (200, make())
        assert fetched.headers["Content-Type"] == TYPES[ending] == head.headers["Content-Type"]
        assert head.headers["Content-Length"] == str(len(fetched.content))
        assert head.headers["Accept-Ranges"] == "none"
        assert fetched.headers["Content-Disposition"].startswith("attachment; ")
        assert fetched.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
        assert fetched.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert fetched.headers["Cache-Control"] == "no-store"
        assert "Set-Cookie" not in fetched.headers
        assert_secure(fetched, content_host=True)
        shown = address.replace("/downloads/", "/renditions/")
        assert plain.get(shown).status_code == 404
        assert carol.api.delete(f"/documents/{document['id']}").status_code == 204
        assert plain.get(address).status_code == 410


def test_their_structure_is_inspected(carol: Person) -> None:
    """An SVG with entities, and XML that is none, are rejected."""
    laughs = b'<!DOCTYPE svg [<!ENTITY a "lol">]><svg xmlns="http://www.w3.org/2000/svg">&a;</svg>'
    found = carol.settle(carol.upload("a.svg", laughs))
    assert (found["state"], found["verdict"]["reason"]) == ("rejected", "malformed-file")


def test_no_loader_draws_them() -> None:
    """Thumbnails have one loader for each type, and none for these."""
    assert not {"image/svg+xml", "text/html"} & set(LOADERS)
