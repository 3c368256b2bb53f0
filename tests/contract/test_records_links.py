"""The contract of `Links`, on both databases: counted exactly, ended once, found by their owner."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import NullPool, create_engine, func, select

from tests.support.facts import NOW, after, document
from uploads.documents.links import Disposition, Link
from uploads.records.link_tables import link_documents, link_uses
from uploads.records.sql import SqlRecords

AT_ONCE = 100


def link(link_id: str = "lnk_1", **changes: Any) -> Link:
    values: dict[str, Any] = {
        "id": link_id,
        "owner_id": "usr_1",
        "documents": ("doc_2", "doc_1"),
        "disposition": Disposition.ATTACHMENT,
        "created_at": NOW,
    }
    return Link(**{**values, **changes})


def add(records: SqlRecords, *links: Link) -> None:
    for one in links:
        records.write(lambda work: work.links.add(one))  # noqa: B023


def found(records: SqlRecords, link_id: str = "lnk_1") -> Link | None:
    return records.read(lambda work: work.links.find(link_id))


def use(records: SqlRecords, now: datetime = NOW, allowance: int = 9) -> int | None:
    return records.write(lambda work: work.links.use("lnk_1", now, allowance))


def rows(database_url: str, table: Any) -> int:
    with create_engine(database_url, poolclass=NullPool).connect() as connection:
        return int(connection.scalar(select(func.count()).select_from(table)) or 0)


def test_what_was_added_comes_back_to_its_owner_alone(owned: SqlRecords) -> None:
    made = link(
        disposition=Disposition.INLINE,
        expires_at=after(60),
        max_downloads=3,
        password_hash="$argon2id$…",
    )
    add(owned, made)
    assert owned.read(lambda work: work.links.get("usr_1", "lnk_1")) == made
    assert found(owned) == made
    owned.write(lambda work: work.accounts.set_disabled("usr_1", after(1)))
    assert found(owned) == replace(made, barred_at=after(1))
    assert owned.read(lambda work: work.links.get("usr_2", "lnk_1")) is None
    for unknown in ("lnk_9", "", "a\x00b", "\ud800"):
        assert found(owned, unknown) is None


def test_uses_are_numbered_and_end_at_the_limit(owned: SqlRecords) -> None:
    add(owned, link(max_downloads=2))
    assert [use(owned) for _ in range(4)] == [1, 2, None, None]
    assert found(owned) == link(max_downloads=2, downloads=2)


def test_without_a_limit_uses_are_counted_all_the_same(
    owned: SqlRecords, database_url: str
) -> None:
    add(owned, link())
    assert [use(owned) for _ in range(3)] == [1, 2, 3]
    assert rows(database_url, link_uses) == 0


def test_of_a_hundred_at_once_exactly_ten_are_counted(owned: SqlRecords) -> None:
    add(owned, link(max_downloads=10))
    start = Barrier(AT_ONCE)

    def race(_: int) -> int | None:
        start.wait(timeout=60)
        return use(owned)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        numbers = [number for number in pool.map(race, range(AT_ONCE)) if number is not None]
    assert sorted(numbers) == list(range(1, 11))
    assert found(owned) == link(max_downloads=10, downloads=10)


@pytest.mark.parametrize(("seconds", "counted"), [(59.9, 1), (60, None), (61, None)])
def test_an_expired_link_counts_nothing(
    owned: SqlRecords, seconds: float, counted: int | None
) -> None:
    add(owned, link(expires_at=after(60)))
    assert use(owned, after(seconds)) == counted


def test_an_ended_link_counts_nothing_and_ends_once(owned: SqlRecords) -> None:
    add(owned, link())
    end = [owned.write(lambda work: work.links.end("lnk_1", after(n))) for n in (1, 2)]  # noqa: B023
    assert end == [True, False]
    assert use(owned, after(3)) is None
    assert found(owned) == link(ended_at=after(1))
    assert not owned.write(lambda work: work.links.end("lnk_9", NOW))


def test_bytes_are_taken_while_there_are_some(owned: SqlRecords) -> None:
    """Of a counted download alone, and never more than it was allowed."""
    add(owned, link(max_downloads=2))
    assert use(owned, allowance=10) == 1

    def spend(amount: int, number: int = 1) -> bool:
        return owned.write(lambda work: work.links.spend("lnk_1", number, amount))

    assert (spend(11), spend(6), spend(5), spend(4), spend(1)) == (False, True, False, True, False)
    owned.write(lambda work: work.links.give_back("lnk_1", 1, 3))
    assert (spend(4), spend(3)) == (False, True)
    assert not spend(1, number=2)

    def left(number: int) -> int:
        return owned.read(lambda work: work.links.left("lnk_1", number))

    owned.write(lambda work: work.links.give_back("lnk_1", 1, 2))
    assert (left(1), left(2)) == (2, 0)


def test_bytes_are_never_taken_twice(owned: SqlRecords) -> None:
    add(owned, link(max_downloads=1))
    use(owned, allowance=10)
    start = Barrier(20)

    def race(_: int) -> bool:
        start.wait(timeout=60)
        return owned.write(lambda work: work.links.spend("lnk_1", 1, 3))

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(race, range(20))) == 3


def test_a_document_ends_all_links_that_it_is_in(owned: SqlRecords) -> None:
    add(owned, link(), link("lnk_2", documents=("doc_3",)), link("lnk_3", documents=("doc_1",)))
    for unknown in ("doc_9", "a\x00b"):
        owned.write(lambda work: work.links.end_of(unknown, after(1)))  # noqa: B023
    owned.write(lambda work: work.links.end_of("doc_1", after(2)))
    owned.write(lambda work: work.links.end_of("doc_1", after(3)))
    ended = {one: getattr(found(owned, one), "ended_at", "none") for one in ("lnk_1", "lnk_2")}
    assert ended == {"lnk_1": after(2), "lnk_2": None}


def test_a_page_has_the_living_ones_newest_first(owned: SqlRecords) -> None:
    add(
        owned,
        *(link(f"lnk_{n}", created_at=after(n), documents=(f"doc_{n % 2}",)) for n in range(5)),
        link("lnk_8", owner_id="usr_2", documents=("doc_1",)),
    )
    owned.write(lambda work: work.links.end("lnk_3", NOW))

    def page(document_id: str | None, limit: int, before: Any = None) -> list[str]:
        found = owned.read(lambda work: work.links.page("usr_1", document_id, limit, before))
        return [one.id for one in found]

    assert page(None, 9) == ["lnk_4", "lnk_2", "lnk_1", "lnk_0"]
    assert page(None, 2, (after(4), "lnk_4")) == ["lnk_2", "lnk_1"]
    assert page("doc_1", 9) == ["lnk_1"]
    assert page("doc_0", 9) == ["lnk_4", "lnk_2", "lnk_0"]
    assert page("a\x00b", 9) == page(None, 9, (NOW, "a\x00b")) == []


def test_what_ended_or_expired_long_ago_is_forgotten_whole(
    owned: SqlRecords, database_url: str
) -> None:
    add(
        owned,
        link(max_downloads=3),
        link("lnk_2", expires_at=after(5)),
        link("lnk_3", expires_at=after(99)),
        link("lnk_4"),
    )
    use(owned)
    owned.write(lambda work: work.links.end("lnk_1", after(5)))
    assert owned.write(lambda work: work.links.remove_ended(after(5))) == 0
    assert owned.write(lambda work: work.links.remove_ended(after(6))) == 2
    assert [found(owned, f"lnk_{n}") is None for n in range(1, 5)] == [True, True, False, False]
    assert (rows(database_url, link_documents), rows(database_url, link_uses)) == (4, 0)


def test_documents_are_found_by_their_names_at_once(owned: SqlRecords) -> None:
    made = [replace(document(f"doc_{n}"), created_at=NOW + timedelta(n)) for n in range(3)]
    owned.write(lambda work: [work.documents.add(one) for one in made])
    wanted = ["doc_2", "doc_9", "a\x00b", "doc_0"]
    got = owned.read(lambda work: work.documents.named(wanted))
    assert sorted(got, key=lambda one: one.id) == [made[0], made[2]]
    assert owned.read(lambda work: work.documents.named([])) == []


def test_living_links_are_counted_with_what_they_name(owned: SqlRecords) -> None:
    """Those that were ended, have expired, or are somebody else's are not."""
    add(
        owned,
        link("lnk_1"),
        link("lnk_2", expires_at=after(60), documents=("doc_1",)),
        link("lnk_3", expires_at=after(1)),
        link("lnk_4"),
        link("lnk_5", owner_id="usr_2"),
    )
    owned.write(lambda work: work.links.end("lnk_4", NOW))
    now = after(1)
    counted = owned.write(
        lambda work: (work.links.living("usr_1", now), work.links.shared("usr_1", now))
    )
    assert counted == (2, 3)
