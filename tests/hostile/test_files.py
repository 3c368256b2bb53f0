"""Hostile files at every door: each ends as the table says, and the five promises hold."""

from __future__ import annotations

from functools import partial
from itertools import groupby

import pytest

from tests.hostile.conftest import Canary
from tests.hostile.doors import DOORS, Ends, by_body, outcome
from tests.hostile.files import FILES, MARK, File
from tests.support import plain, samples
from tests.support.headers import assert_secure
from tests.support.invariants import PICTURES, Promises
from tests.support.links import got, shared
from tests.support.people import PATIENCE, Person
from tests.support.waiting import eventually

# What comes in is judged before any database: once is enough.
pytestmark = pytest.mark.one_database


def by_row(file: File) -> int:
    return file.row


# Told to be UTF-8: whoever guesses finds markup in UTF-7 and UTF-16 (row 27).
TEXTS = {"text/plain", "text/csv", "text/markdown"}
SIZES = (1, 511, 512, 513, 4095, 4096, 4097)
REFUSALS = {(415, "type-mismatch"), (422, "malformed-file")}
SETTLED = {"clean", "infected", "rejected", "unscannable"}
ROWS = {row: list(files) for row, files in groupby(sorted(FILES, key=by_row), by_row)}


@pytest.mark.parametrize("row", ROWS)
def test_each_file_ends_as_the_table_says(
    alice: Person, canary: Canary, promises: Promises, row: int
) -> None:
    """One row of the requirements, through every door, with the same outcome."""
    found = {}
    for file in ROWS[row]:
        for door, send in DOORS.items():
            content = file.content(canary.url)
            answer = send(alice, file.name, file.declared, content)
            found[str(file), door] = outcome(alice, answer)
            if answer.status_code == 202:
                _comes_back_untouched(alice, answer.json()["id"], file, content)
    expected = {(str(file), door): file.expected for file in ROWS[row] for door in DOORS}
    assert found == expected
    promises.hold(MARK)


@pytest.mark.parametrize("row", [4, 31])
def test_no_picture_tells_what_its_file_hides(alice: Person, promises: Promises, row: int) -> None:
    """Rows 4 and 31: what stands in a comment, or in a file that it names, is in no thumbnail."""
    for file in ROWS[row]:
        document_id = alice.upload(file.name, file.content(""))
        alice.settle(document_id)
        for name in PICTURES:
            # Each is recorded by itself.
            eventually(partial(_is_drawn, alice, document_id, name), PATIENCE)
            led = alice.api.get(f"/documents/{document_id}/renditions/{name}")
            picture = alice.fetch("GET", led.headers["Location"])
            assert picture.headers["Content-Type"] == "image/webp"
            assert_secure(picture, content_host=True)
            for hidden in (MARK, b"<?php", b"passwd", b"root:", b"EXIF", b"ICCP", b"XMP "):
                assert hidden not in picture.content, (str(file), name)
    promises.hold(MARK)


def test_files_of_the_sizes_at_which_sniffing_ends(alice: Person, promises: Promises) -> None:
    """Row 26: every type, cut or repeated to sizes around what is looked at first."""
    found = {}
    for ending, make in samples.SAMPLES.items():
        whole = make()
        for size in SIZES:
            content = (whole * (size // len(whole) + 1))[:size]
            found[ending, size] = by_body(alice, f"a.{ending}", "", content)
    for case, answer in found.items():
        end = outcome(alice, answer)
        assert isinstance(end, Ends) or (end.status, end.code) in REFUSALS, (case, end)
        assert not isinstance(end, Ends) or end.state in SETTLED, (case, end)
    promises.hold()


def _is_drawn(person: Person, document_id: str, name: str) -> bool:
    return name in {one["name"] for one in person.document(document_id)["renditions"]}


def _comes_back_untouched(person: Person, document_id: str, file: File, content: bytes) -> None:
    """What is clean comes back as it was sent, and as nothing that a browser would run: from the
    store, and by a link from our own host.
    """
    document = person.document(document_id)
    if document["state"] != "clean":
        return
    answer = person.api.get(f"/documents/{document_id}/content")
    served = plain.get(answer.headers["Location"])
    assert served.content == content
    type_ = {"text/x-source": "text/plain"}.get(document["type"], document["type"])
    by_link = got(person, shared(person, document_id)["url"])
    assert by_link.content == content
    assert_secure(by_link, content_host=True)
    for one in (served, by_link):
        sent, _, charset = one.headers["Content-Type"].partition("; ")
        assert sent == type_
        assert charset == ("charset=utf-8" if type_ in TEXTS else "")
        assert one.headers["Content-Disposition"].startswith("attachment")
    assert file.expected == Ends("clean")
