"""What the client reads, and what it is told: values that need no service."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest

from uploads_client import Client, UploadsError, answers
from uploads_client.downloads import safe_name
from uploads_client.receipts import Receipt
from uploads_client.sources import Meter, Once, Seekable, name_of, opened

FOUND = {
    "id": "doc_a",
    "name": "report.pdf",
    "size": 9,
    "sha256": None,
    "declared_type": None,
    "type": "application/pdf",
    "state": "infected",
    "verdict": {
        "outcome": "infected",
        "reason": None,
        "inspected_at": "2026-11-21T12:00:00.500Z",
        "engines": [{"name": "clamav", "outcome": "infected", "finding": "Eicar", "new": 1}],
        "new": 2,
    },
    "renditions": [],
    "created_at": "2026-11-21T12:00:00.000Z",
    "updated_at": "2026-11-21T12:00:00.000Z",
    "expires_at": None,
    "links": {},
    "new": {"er": "member"},
}


def test_members_that_are_not_known_are_ignored() -> None:
    found = answers.document(FOUND)
    assert (found.id, found.settled, found.served) == ("doc_a", True, False)
    assert found.created_at == datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert found.verdict is not None
    assert found.verdict.engines[0].finding == "Eicar"
    assert found.members["new"] == {"er": "member"}


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("id", "../keys"),
        ("id", "doc_a\x1b[31m"),
        ("state", "clean\x1b[31m"),
        ("sha256", "\x1b[31m"),
        ("sha256", ["ab"]),
        ("name", 5),
        ("size", float("inf")),
        ("size", 1.5),
        ("size", -1),
        ("size", True),
        ("created_at", "2026-11-21T12:00:00"),
    ],
)
def test_a_member_that_is_not_what_it_should_be_is_no_answer(member: str, value: object) -> None:
    """What programs and terminals are given is of its kind."""
    with pytest.raises(UploadsError) as refused:
        answers.document({**FOUND, member: value})
    assert refused.value.code == "unreadable-answer"


@pytest.mark.parametrize("numbers", [5, {"a": 1}, "1", [0], [3], ["1"], [1.5], [None]])
def test_missing_parts_are_parts_of_the_file(numbers: object) -> None:
    assert answers.missing({"missing": [1, 2]}, 2) == [1, 2]
    assert answers.missing({}, 2) == []
    with pytest.raises(UploadsError):
        answers.missing({"missing": numbers}, 2)


def test_a_grant_whose_parts_do_not_add_up_is_refused() -> None:
    signed = {"method": "PUT", "url": "http://s/1", "headers": {}, "expires_at": None}
    found = {"id": "upl_a", "method": "multipart", "part_size": 5, "part_count": 2}
    found["parts"] = [{"number": 1, "request": signed}]
    assert answers.grant(found, 9).part_count == 2
    for size in (5, 11):
        with pytest.raises(UploadsError, match="add up"):
            answers.grant(found, size)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("report.pdf", "report.pdf"),
        ("ä b.txt", "ä b.txt"),
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\a.txt", "a.txt"),
        ("/etc/", "doc_a"),
        ("..", "doc_a"),
        (".", "doc_a"),
        ("", "doc_a"),
        (None, "doc_a"),
        (".bashrc", "_bashrc"),
        ("a\x1b[2J\n.txt", "a_[2J_.txt"),
    ],
)
def test_a_name_from_the_service_stays_in_its_folder(name: str | None, safe: str) -> None:
    assert safe_name(answers.document({**FOUND, "name": name})) == safe


@pytest.mark.parametrize(
    "url",
    ["", "example.org", "ftp://example.org", "http://", "https://me:pw@example.org"],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        Client(url, "key")


@pytest.mark.parametrize("key", ["", "two words", "line\nbreak", "schlüssel"])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    with pytest.raises(ValueError):
        Client("http://example.org", key)


def test_a_source_begins_where_its_stream_stands() -> None:
    stream = io.BytesIO(b"0123456789")
    stream.seek(4)
    with opened(stream) as source:
        assert isinstance(source, Seekable)
        assert source.size == 6
        assert b"".join(source.pieces(1, 3)) == b"567"
    assert not stream.closed


def test_a_source_that_became_shorter_says_so() -> None:
    stream = io.BytesIO(b"0123456789")
    source = Seekable(stream)
    stream.truncate(5)
    with pytest.raises(UploadsError, match="shorter"):
        list(source.pieces(0, 10))


def test_what_has_no_way_back_comes_once() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    with opened(Pipe(b"abc")) as source:
        assert isinstance(source, Once)
        assert list(source.pieces()) == [b"abc"]


def test_names_come_without_folders() -> None:
    assert name_of("/a/b/c.txt") == "c.txt"
    assert name_of(b"bytes") is None
    assert name_of(io.BytesIO()) is None


def test_a_meter_adds_up() -> None:
    told: list[tuple[int, int | None]] = []
    meter = Meter(5, lambda *now: told.append(now))
    for count in (2, 3, -5):
        meter.add(count)
    assert told == [(2, 5), (5, 5), (0, 5)]


def test_a_receipt_cannot_move_the_cursor() -> None:
    text = Receipt("x", answers.document({**FOUND, "name": "a\x1b[2J.txt"})).as_text()
    assert "\x1b" not in text
    assert "infected (clamav: Eicar)" in text


def test_a_meter_that_has_ended_tells_nobody() -> None:
    """A thread that was left to a silent store may still count."""
    told: list[tuple[int, int | None]] = []
    meter = Meter(3, lambda *now: told.append(now))
    meter.add(1)
    meter.end()
    meter.add(2)
    assert told == [(1, 3)]
