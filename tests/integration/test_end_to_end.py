"""The main job on real parts: what is clean comes back, what is infected never does."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from PIL import Image

from tests.support import plain, samples
from tests.support.invariants import invariants
from tests.support.people import PATIENCE, Person
from tests.support.stack import Stack
from tests.support.waiting import eventually
from uploads.storage.protocol import Bucket

FILES = {
    "photo.jpg": samples.photo_with_gps,
    "report.pdf": samples.pdf,
    "letter.docx": samples.docx_file,
    "virus.txt": samples.eicar,
    "virus.zip": samples.eicar_zip,
}
CLEAN = ["photo.jpg", "report.pdf", "letter.docx"]
INFECTED = ["virus.txt", "virus.zip"]
PICTURED = ["photo.jpg", "report.pdf"]


@pytest.fixture(scope="module")
def sent() -> dict[str, bytes]:
    return {name: make() for name, make in FILES.items()}


@pytest.fixture(scope="module")
def settled(stack: Stack, alice: Person, sent: dict[str, bytes]) -> dict[str, dict[str, Any]]:
    """Each as it stood when it was settled."""
    stack.rest()
    return {name: alice.settle(alice.upload(name, sent[name])) for name in sent}


def test_the_sign_in_page_answers(stack: Stack) -> None:
    """Who is not signed in is led to the page for it."""
    answer = plain.get(stack.base_url, follow_redirects=True, headers={"Accept": "text/html"})
    assert answer.status_code == 200
    assert answer.url.path == "/sign-in"
    assert 'type="password"' in answer.text


def test_the_first_administrator_can_sign_in(stack: Stack) -> None:
    """The first start wrote a name and a password, for this user alone, that open the door."""
    assert (stack.data / "first-login").stat().st_mode & 0o777 == 0o600
    email, password = stack.administrator()
    admin = Person(stack, email, password, key="")
    with admin.browser() as browser:
        assert email in browser.get("/documents").text


@pytest.mark.parametrize("name", CLEAN)
def test_what_is_harmless_becomes_clean(settled: dict[str, Any], name: str) -> None:
    """A photo, a PDF and a Word document are clean, and every engine said so."""
    document = settled[name]
    assert document["state"] == "clean"
    assert document["verdict"]["outcome"] == "clean"
    engines = {engine["name"]: engine for engine in document["verdict"]["engines"]}
    assert {"clamav", "yara", "structure"} <= set(engines)
    assert {engine["outcome"] for engine in engines.values()} <= {"clean", "not-applicable"}
    assert all(engine["version"] for engine in engines.values())
    assert engines["clamav"]["outcome"] == "clean"


@pytest.mark.parametrize("name", INFECTED)
def test_what_is_infected_is_found(settled: dict[str, Any], name: str) -> None:
    """The EICAR string, bare and in a ZIP, is infected."""
    document = settled[name]
    assert document["state"] == "infected"
    assert document["verdict"]["outcome"] == "infected"
    assert any(engine["finding"] for engine in document["verdict"]["engines"])


@pytest.mark.parametrize("name", CLEAN)
def test_clean_content_comes_back_byte_identical(
    alice: Person, sent: dict[str, bytes], settled: dict[str, Any], name: str
) -> None:
    """What was sent is what comes back, as an attachment under its name."""
    assert alice.content(settled[name]["id"]) == sent[name]
    answer = alice.api.get(f"/documents/{settled[name]['id']}/content")
    served = plain.get(answer.headers["Location"])
    assert served.headers["Content-Disposition"].startswith(f'attachment; filename="{name}"')
    assert served.headers["Content-Type"] == settled[name]["type"]


@pytest.mark.parametrize("name", INFECTED)
def test_infected_content_is_refused_on_every_route(
    alice: Person, settled: dict[str, Any], name: str
) -> None:
    """No route gives infected bytes: each says that the file is not clean."""
    document_id = settled[name]["id"]
    for path in ("content", "renditions/thumbnail-200", "renditions/thumbnail-800"):
        answer = alice.api.get(f"/documents/{document_id}/{path}")
        assert answer.status_code == 409, path
        assert answer.json()["code"] == "not-clean"
        assert answer.json()["state"] == "infected"
    with alice.browser() as browser:
        assert browser.get(f"/documents/{document_id}/download").status_code == 409


@pytest.mark.parametrize("name", PICTURED)
@pytest.mark.parametrize(("rendition", "side"), [("thumbnail-200", 200), ("thumbnail-800", 800)])
def test_thumbnails_are_pictures_of_the_file(
    alice: Person, settled: dict[str, Any], name: str, rendition: str, side: int
) -> None:
    """A thumbnail is a small WebP that shows the file, and carries nothing but pixels."""
    data = thumbnail(alice, settled[name]["id"], rendition)
    picture = Image.open(io.BytesIO(data))
    picture.load()
    assert picture.format == "WEBP"
    assert max(picture.size) == side
    assert not {"exif", "xmp", "icc_profile"} & set(picture.info)
    for marker in (b"EXIF", b"XMP ", b"ICCP", b"Kamera"):
        assert marker not in data
    shows = _photo if name == "photo.jpg" else _page
    shows(picture.convert("RGB"))


def test_a_word_document_brings_a_thumbnail_and_no_pages(
    alice: Person, settled: dict[str, Any]
) -> None:
    """The picture that its program put in is shown; what is not made answers 404."""
    document_id = settled["letter.docx"]["id"]
    picture = Image.open(io.BytesIO(thumbnail(alice, document_id, "thumbnail-200")))
    assert (picture.format, max(picture.size)) == ("WEBP", 200)
    assert alice.api.get(f"/documents/{document_id}/renditions/page-1").status_code == 404


@pytest.mark.one_database
def test_the_doctor_finds_this_stack_as_it_is(stack: Stack) -> None:
    """Everything is well but the one thing that is not: a test's signatures have no date."""
    storage = stack.services().storage
    known = {one.key for one in storage.list(Bucket.INCOMING)}
    done = stack.cli("doctor", "--json")
    told = json.loads(done.stdout)
    worse = [one for one in told["findings"] if one["state"] not in {"ok", "gap"}]
    assert [(one["part"], one["name"], one["state"]) for one in worse] == [
        ("virus scanner", "signatures", "degraded")
    ]
    assert (done.returncode, told["status"], told["grants"]) == (1, "degraded", True)
    parts = {one["part"] for one in told["findings"]}
    assert parts >= {"database", "redis", "store", "disk", "way in", "parser cell", "engines"}
    assert {one.key for one in storage.list(Bucket.INCOMING)} <= known


def test_the_promises_hold_afterwards(stack: Stack, alice: Person, settled: object) -> None:
    """After all that, nothing is left over and everything served is what was inspected."""
    assert settled
    invariants(stack, alice)
    found = stack.cli("reconcile", "--check", "--json")
    assert found.returncode == 0, found.stdout + found.stderr
    assert json.loads(found.stdout)["ok"] is True


def thumbnail(person: Person, document_id: str, rendition: str) -> bytes:
    """The rendition from the content host, as soon as there is one."""

    def there() -> bool:
        names = [one["name"] for one in person.document(document_id)["renditions"]]
        return rendition in names

    eventually(there, PATIENCE)
    answer = person.api.get(f"/documents/{document_id}/renditions/{rendition}")
    assert answer.status_code == 302, answer.text
    assert answer.headers["Location"].startswith(person.stack.content_url)
    served = plain.get(answer.headers["Location"])
    assert served.status_code == 200
    assert served.headers["Content-Type"] == "image/webp"
    return served.content


def _photo(picture: Image.Image) -> None:
    assert picture.width > picture.height
    red, green, blue, sand = (_mean(picture, x, y) for y in (0.25, 0.75) for x in (0.25, 0.75))
    assert red[0] > green[0]
    assert red[0] > max(red[1:]) + 60
    assert green[1] > max(green[0], green[2]) + 40
    assert blue[2] > max(blue[:2]) + 60
    assert min(sand[:2]) > sand[2] + 40


def _page(picture: Image.Image) -> None:
    assert picture.height > picture.width
    bar, square, paper = (_mean(picture, *at) for at in ((0.5, 0.264), (0.29, 0.525), (0.7, 0.9)))
    assert bar[2] > max(bar[:2]) + 100
    assert square[0] > max(square[1:]) + 100
    assert min(paper) > 240


def _mean(picture: Image.Image, x: float, y: float) -> tuple[int, int, int]:
    """The mean colour round a point, given in fractions of width and height."""
    left, top = int(picture.width * x), int(picture.height * y)
    patch = picture.crop((left - 4, top - 4, left + 4, top + 4)).resize(
        (1, 1), Image.Resampling.BOX
    )
    red, green, blue = patch.getpixel((0, 0))  # type: ignore[misc]
    return int(red), int(green), int(blue)
