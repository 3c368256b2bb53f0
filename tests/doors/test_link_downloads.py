"""The content host's side of links: what is sent, in which parts, and what is counted."""

from __future__ import annotations

import subprocess
import zipfile
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from threading import Barrier

import httpx
import pytest

from tests.support import samples
from tests.support.headers import assert_secure
from tests.support.links import clean, downloads, got, refusal, shared, stranger, ticket
from tests.support.people import PATIENCE, Person
from tests.support.waiting import eventually

# What the records keep of links is shown on both databases by their contract.
once = pytest.mark.one_database

PNG = samples.png()
TEXT = b"".join(b"line %06d of a plain text\n" % number for number in range(40_000))
AT_ONCE = 100


@pytest.fixture(scope="module")
def picture(alice: Person) -> str:
    return clean(alice, "Ferien größe.png", PNG)


@pytest.fixture(scope="module")
def text(alice: Person) -> str:
    return clean(alice, "long.txt", TEXT)


def test_a_link_is_the_file_under_all_headers(alice: Person, picture: str) -> None:
    """An attachment in a sandbox, for no cache, no frame and no search engine, without a cookie."""
    answer = got(alice, shared(alice, picture)["url"])
    assert (answer.status_code, answer.content) == (200, PNG)
    assert [one.status_code for one in answer.history] == [303]
    digest = alice.document(picture)["sha256"]
    headers = answer.headers
    assert headers["Content-Type"] == "image/png"
    assert headers["Content-Length"] == str(len(PNG))
    assert headers["ETag"] == f'"{digest}"'
    assert headers["Accept-Ranges"] == "bytes"
    assert headers["Cache-Control"] == "private, no-store"
    assert headers["X-Robots-Tag"] == "noindex"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert headers["Content-Disposition"] == (
        "attachment; filename=\"Ferien gro_e.png\"; filename*=UTF-8''Ferien%20gr%C3%B6%C3%9Fe.png"
    )
    for one in (answer, *answer.history):
        assert_secure(one, content_host=True)
        assert one.headers["X-Robots-Tag"] == "noindex"


def test_of_a_hundred_at_once_ten_get_it(alice: Person, text: str) -> None:
    """Ten whole bodies, ninety refusals, and the count says ten."""
    link = shared(alice, text, max_downloads=10)
    start = Barrier(AT_ONCE)

    def race(_: int) -> tuple[int, bytes]:
        start.wait(timeout=60)
        answer = got(alice, link["url"])
        return answer.status_code, answer.content

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(race, range(AT_ONCE)))
    bodies = [content for status, content in found if status == 200]
    assert bodies == [TEXT] * 10
    assert sorted({status for status, _ in found}) == [200, 410]
    assert downloads(alice, link) == 10
    assert refusal(got(alice, link["url"])) == (410, "download-limit")


@once
def test_one_use_never_gives_two_copies(alice: Person, text: str) -> None:
    """A ticket sends the whole once; what is left is enough to resume, not for a second copy."""
    link = shared(alice, text, max_downloads=1)
    with stranger(alice) as client:
        address = ticket(alice, link["url"])
        assert client.get(address).content == TEXT
        assert refusal(client.get(address)) == (410, "download-limit")
        assert refusal(client.get(address, headers={"Range": "bytes=0-"})) == (
            410,
            "download-limit",
        )
        rest = client.get(address, headers={"Range": "bytes=1-"})
        assert (rest.status_code, rest.content) == (206, TEXT[1:])
        last = client.get(address, headers={"Range": "bytes=-1"})
        assert refusal(last) == (410, "download-limit")
    assert downloads(alice, link) == 1


def test_many_requests_for_one_ticket_get_no_more_than_its_allowance(
    alice: Person, text: str
) -> None:
    link = shared(alice, text, max_downloads=1)
    address = ticket(alice, link["url"])
    start = Barrier(20)

    def race(_: int) -> int:
        start.wait(timeout=60)
        answer = got(alice, address)
        return len(answer.content) if answer.status_code == 200 else 0

    with ThreadPoolExecutor(20) as pool:
        assert sorted(pool.map(race, range(20)))[-2:] == [0, len(TEXT)]


@once
def test_a_film_can_be_jumped_about_in(alice: Person, text: str) -> None:
    """Parts here and there, and then the whole, under the same use."""
    link = shared(alice, text, max_downloads=1)
    address = ticket(alice, link["url"])
    with stranger(alice) as client:
        for begin in (0, 400_000, 700_000):
            headers = {"Range": f"bytes={begin}-{begin + 99_999}"}
            part = client.get(address, headers=headers)
            assert part.content == TEXT[begin : begin + 100_000]
        assert client.get(address).content == TEXT
    assert downloads(alice, link) == 1


@once
def test_head_and_conditions_count_nothing(alice: Person, picture: str) -> None:
    """HEAD has the headers of the file, 304 says that it is the same; neither is a download."""
    link = shared(alice, picture, max_downloads=1)
    digest = alice.document(picture)["sha256"]
    for _ in range(3):
        head = alice.fetch("HEAD", link["url"])
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["Content-Length"] == str(len(PNG))
        assert head.headers["ETag"] == f'"{digest}"'
        same = alice.fetch("GET", link["url"], headers={"If-None-Match": f'"{digest}"'})
        assert (same.status_code, same.content) == (304, b"")
        assert same.headers["ETag"] == f'"{digest}"'
        assert_secure(same, content_host=True)
        old = alice.fetch("GET", link["url"], headers={"If-Match": '"other"'})
        assert refusal(old) == (412, "precondition-failed")
    assert downloads(alice, link) == 0
    address = ticket(alice, link["url"])
    for _ in range(3):
        assert alice.fetch("HEAD", address).headers["Content-Length"] == str(len(PNG))
        same = alice.fetch("GET", address, headers={"If-None-Match": f'W/"{digest}"'})
        assert (same.status_code, same.content) == (304, b"")
    assert got(alice, address).content == PNG
    assert downloads(alice, link) == 1


@once
@pytest.mark.parametrize(
    ("asked", "begin", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-", 0, len(TEXT)),
        ("bytes=100-199", 100, 200),
        ("bytes=-100", len(TEXT) - 100, len(TEXT)),
        (f"bytes={len(TEXT) - 1}-", len(TEXT) - 1, len(TEXT)),
        (f"bytes=500000-{len(TEXT) * 2}", 500_000, len(TEXT)),
    ],
)
def test_a_range_is_sent_as_a_part(
    alice: Person, text: str, asked: str, begin: int, end: int
) -> None:
    part = got(alice, shared(alice, text)["url"], headers={"Range": asked})
    assert part.status_code == 206
    assert part.content == TEXT[begin:end]
    assert part.headers["Content-Range"] == f"bytes {begin}-{end - 1}/{len(TEXT)}"
    assert part.headers["Content-Length"] == str(end - begin)
    assert_secure(part, content_host=True)


@once
def test_ranges_that_are_none_and_conditions_on_them(alice: Person, text: str) -> None:
    """416 names the size; several ranges, garbage and an old If-Range get the whole."""
    url = shared(alice, text)["url"]
    address = ticket(alice, url)
    for asked in (f"bytes={len(TEXT)}-", "bytes=-0"):
        outside = alice.fetch("GET", address, headers={"Range": asked})
        assert refusal(outside) == (416, "range-not-satisfiable")
        assert outside.headers["Content-Range"] == f"bytes */{len(TEXT)}"
        assert_secure(outside, content_host=True)
    for headers in (
        {"Range": "bytes=0-1,5-6"},
        {"Range": "lines=1-2"},
        {"Range": "bytes=9-5"},
        {"Range": "bytes=0-9", "If-Range": '"old"'},
    ):
        whole = alice.fetch("GET", address, headers=headers)
        assert (whole.status_code, whole.content) == (200, TEXT)
    etag = whole.headers["ETag"]
    same = {"Range": "bytes=0-9", "If-Range": etag}
    assert alice.fetch("GET", address, headers=same).content == TEXT[:10]
    dated = {"Range": "bytes=0-9", "If-Range": whole.headers["Last-Modified"]}
    assert alice.fetch("GET", address, headers=dated).content == TEXT[:10]


@once
def test_several_documents_are_one_archive(alice: Person, picture: str, text: str) -> None:
    """Of known length, readable, each under a name of its own; without ranges."""
    twin = clean(alice, "LONG.TXT", b"another text, long enough to be one\n")
    link = shared(alice, picture, text, twin, max_downloads=2)
    answer = got(alice, link["url"], headers={"Range": "bytes=0-9"})
    assert answer.status_code == 200
    assert answer.headers["Content-Length"] == str(len(answer.content))
    assert answer.headers["Content-Type"] == "application/zip"
    assert answer.headers["Accept-Ranges"] == "none"
    assert 'attachment; filename="documents.zip"' in answer.headers["Content-Disposition"]
    assert_secure(answer, content_host=True)
    with zipfile.ZipFile(BytesIO(answer.content)) as read:
        assert read.testzip() is None
        assert read.namelist() == ["Ferien größe.png", "long.txt", "LONG (2).TXT"]
        assert read.read("long.txt") == TEXT
    address = str(answer.url)
    assert refusal(alice.fetch("GET", address)) == (410, "download-limit")
    assert alice.fetch("HEAD", address).headers["Content-Length"] == str(len(answer.content))
    assert downloads(alice, link) == 1


@once
def test_a_deleted_document_ends_its_links(alice: Person, picture: str) -> None:
    """At once, tickets included, also where it is one of several."""
    short = clean(alice, "short.txt", b"a plain text, long enough to be one\n")
    alone, among = shared(alice, short), shared(alice, picture, short)
    address = ticket(alice, alone["url"])
    alice.discard(short)
    for url in (alone["url"], among["url"], address):
        assert refusal(alice.fetch("GET", url)) == (410, "gone")
    listed = [link["id"] for link in alice.api.get("/links").json()["items"]]
    assert alone["id"] not in listed
    assert among["id"] not in listed
    assert refusal(alice.api.get(f"/links/{alone['id']}")) == (410, "gone")


@once
def test_a_ticket_ends_with_its_link(alice: Person, picture: str) -> None:
    link = shared(alice, picture)
    address = ticket(alice, link["url"])
    assert got(alice, address).content == PNG
    alice.api.delete(f"/links/{link['id']}")
    assert refusal(alice.fetch("GET", address)) == (410, "gone")


@once
def test_a_person_is_told_in_words(alice: Person, picture: str) -> None:
    """Who opens an ended link in a browser reads what has happened."""
    link = shared(alice, picture)
    alice.api.delete(f"/links/{link['id']}")
    answer = alice.fetch("GET", link["url"], headers={"Accept": "text/html"})
    assert answer.status_code == 410
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "The link was revoked" in answer.text
    assert answer.headers["X-Request-Id"] in answer.text
    assert_secure(answer, content_host=True)
    never = alice.fetch("GET", f"{link['url']}<b>", headers={"Accept": "text/html"})
    assert never.status_code == 404
    assert "<b>" not in never.text.replace("<body>", "")


@once
def test_curl_follows_it(
    alice: Person, picture: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """As the README says: one command, under the file's own name."""
    folder = tmp_path_factory.mktemp("curl")
    link = shared(alice, picture, password="s3cret-y")
    command = ["curl", "-fsSL", "-u", ":s3cret-y", "-o", "copy.png", link["url"]]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    assert (folder / "copy.png").read_bytes() == PNG


@once
def test_a_link_that_has_expired_is_gone(alice: Person, picture: str) -> None:
    link = shared(alice, picture, expires_in=1)
    answers: list[httpx.Response] = []

    def over() -> bool:
        answers.append(alice.fetch("HEAD", link["url"]))
        return answers[-1].status_code == 410

    eventually(over, PATIENCE)
    assert refusal(alice.fetch("GET", link["url"])) == (410, "gone")
