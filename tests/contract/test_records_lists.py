"""The contract of `Documents.page`, on both databases."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.facts import after, rendition, verdict
from uploads.documents.model import Document, State
from uploads.records.protocol import DocumentFilter
from uploads.records.sql import SqlRecords

EVERYTHING = DocumentFilter(states=tuple(State))


def listed(records: SqlRecords, chosen: DocumentFilter, limit: int = 50) -> list[str]:
    page = records.read(lambda work: work.documents.page("usr_1", chosen, limit, None))
    return [one.id for one in page]


def test_pages_are_newest_first_and_leave_nothing_out(
    owned: SqlRecords, add: Callable[..., Document]
) -> None:
    """Walking by cursor visits each document once, even where many share one time."""
    for number in range(12):
        add(f"doc_{number:02}", created_at=after(number // 5))
    add("doc_foreign", owner_id="usr_2")
    seen: list[str] = []
    before = None
    while page := owned.read(
        lambda work: work.documents.page("usr_1", DocumentFilter(), 5, before)  # noqa: B023
    ):
        seen += [one.id for one in page]
        before = (page[-1].created_at, page[-1].id)
    assert seen == [f"doc_{number:02}" for number in reversed(range(12))]


def test_a_page_carries_each_document_whole(
    owned: SqlRecords, add: Callable[..., Document]
) -> None:
    one = add("doc_1", verdict=verdict(), renditions=(rendition(key="k/1"),))
    two = add("doc_2", renditions=(rendition(key="k/2"),))
    page = owned.read(lambda work: work.documents.page("usr_1", DocumentFilter(), 5, None))
    assert list(page) == [two, one]


def test_deleted_and_expired_are_listed_only_when_asked_for(
    owned: SqlRecords, add: Callable[..., Document]
) -> None:
    for state in State:
        add(f"doc_{state}", state=state)
    plain = set(listed(owned, DocumentFilter()))
    assert plain == {f"doc_{state}" for state in State} - {"doc_deleted", "doc_expired"}
    assert listed(owned, DocumentFilter(states=[State.DELETED])) == ["doc_deleted"]
    assert len(listed(owned, EVERYTHING)) == len(State)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("report", {"doc_1"}),
        ("REPORT", {"doc_1"}),
        ("ÜBER", {"doc_2"}),
        ("u\u0308ber", {"doc_2"}),
        ("STRASSE", {"doc_2"}),
        ("100%", {"doc_3"}),
        ("%", {"doc_3"}),
        ("_", {"doc_3"}),
        ("/", set()),
        ("\\", set()),
        ("\x00", set()),
        ("\ud800", set()),
        ("x" * 60_000, set()),
        ("", {"doc_1", "doc_2", "doc_3"}),
    ],
)
def test_search_is_a_substring_whatever_the_case_and_takes_signs_literally(
    owned: SqlRecords, add: Callable[..., Document], text: str, ids: set[str]
) -> None:
    add("doc_1", name="My Report.pdf")
    add("doc_2", name="über die Straße.txt")
    add("doc_3", name="100%_sure.txt")
    assert set(listed(owned, DocumentFilter(text=text))) == ids


def test_a_list_can_be_narrowed_by_type(owned: SqlRecords, add: Callable[..., Document]) -> None:
    add("doc_1")
    add("doc_2", type="image/png")
    assert listed(owned, DocumentFilter(type="image/png")) == ["doc_2"]
    assert listed(owned, DocumentFilter(type="image/\x00")) == []
