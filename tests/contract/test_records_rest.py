"""The contracts of `Accounts`, `Leftovers` and `Audit`, on both databases."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import create_engine, select

from tests.support.facts import NOW, after, document, user
from uploads.documents.errors import Conflict
from uploads.documents.model import ApiKey, AuditEntry, Role, Scope, Segment, Session, State
from uploads.records import tables
from uploads.records.protocol import Leftover
from uploads.records.sql import SqlRecords
from uploads.storage.protocol import Bucket


@pytest.fixture
def people(records: SqlRecords) -> SqlRecords:
    records.write(lambda work: [work.accounts.add_user(user(name)) for name in ("usr_1", "usr_2")])
    return records


def session(session_id: str = "s1", **changes: Any) -> Session:
    values: dict[str, Any] = {
        "id": session_id,
        "user_id": "usr_1",
        "created_at": NOW,
        "last_seen_at": NOW,
        "expires_at": after(100),
    }
    return Session(**{**values, **changes})


def key(key_id: str = "k1", **changes: Any) -> ApiKey:
    values: dict[str, Any] = {
        "id": key_id,
        "user_id": "usr_1",
        "name": "my script",
        "secret_hash": "ef" * 32,
        "scopes": frozenset({Scope.DOCUMENTS_READ, Scope.DOCUMENTS_WRITE}),
        "created_at": NOW,
    }
    return ApiKey(**{**values, **changes})


def test_a_user_comes_back_by_id_and_by_address(records: SqlRecords) -> None:
    made = user(role=Role.ADMIN, disabled_at=after(1), email="Ann@Example.ORG")
    assert records.write(lambda work: work.accounts.add_user(made))
    expected = dataclasses.replace(made, email="ann@example.org")
    assert records.read(lambda work: work.accounts.user("usr_1")) == expected
    assert records.read(lambda work: work.accounts.user_by_email("aNN@example.org")) == expected
    assert records.read(lambda work: work.accounts.user("usr_9")) is None
    for unknown in ("bob@example.org", "\x00", "\ud800"):
        assert records.read(lambda work: work.accounts.user_by_email(unknown)) is None  # noqa: B023


def test_an_address_is_taken_once_and_the_transaction_goes_on(people: SqlRecords) -> None:
    """A taken address is an answer, not an error: what follows in the unit still counts."""

    def twice(work: Any) -> list[bool]:
        taken = user("usr_3", email="USR_1@example.org")
        return [work.accounts.add_user(taken), work.accounts.add_user(user("usr_4"))]

    assert people.write(twice) == [False, True]
    users = people.read(lambda work: work.accounts.users())
    assert [one.id for one in users] == ["usr_1", "usr_2", "usr_4"]


def test_a_password_can_be_set_only_over_the_one_it_replaces(people: SqlRecords) -> None:
    def stored() -> str:
        found = people.read(lambda work: work.accounts.user("usr_1"))
        assert found is not None
        return found.password_hash

    assert people.write(lambda work: work.accounts.set_password("usr_1", "second"))
    assert not people.write(lambda work: work.accounts.set_password("usr_1", "third", "hash"))
    assert stored() == "second"
    assert people.write(lambda work: work.accounts.set_password("usr_1", "third", "second"))
    assert stored() == "third"
    assert not people.write(lambda work: work.accounts.set_password("usr_9", "x"))


def test_a_user_can_be_disabled_and_enabled(people: SqlRecords) -> None:
    for at in (after(5), None):
        people.write(lambda work: work.accounts.set_disabled("usr_1", at))  # noqa: B023
        found = people.read(lambda work: work.accounts.user("usr_1"))
        assert found == dataclasses.replace(user(), disabled_at=at)


def test_a_session_lives_until_it_is_removed(people: SqlRecords) -> None:
    people.write(lambda work: work.accounts.add_session(session()))
    people.write(lambda work: work.accounts.touch_session("s1", after(7)))
    found = people.read(lambda work: work.accounts.session("s1"))
    assert found == session(last_seen_at=after(7))
    people.write(lambda work: work.accounts.remove_session("s1"))
    assert people.read(lambda work: work.accounts.session("s1")) is None


def test_all_sessions_of_one_user_can_be_removed(people: SqlRecords) -> None:
    for one in (session("s1"), session("s2"), session("s3", user_id="usr_2")):
        people.write(lambda work: work.accounts.add_session(one))  # noqa: B023
    people.write(lambda work: work.accounts.remove_sessions("usr_1"))
    left = [people.read(lambda work: work.accounts.session(name)) for name in ("s1", "s2", "s3")]  # noqa: B023
    assert left == [None, None, session("s3", user_id="usr_2")]


def test_ended_sessions_are_removed_and_counted(people: SqlRecords) -> None:
    for one in (
        session("old", expires_at=after(9)),
        session("idle", last_seen_at=after(-9)),
        session("alive", expires_at=after(10), last_seen_at=after(-8)),
    ):
        people.write(lambda work: work.accounts.add_session(one))  # noqa: B023
    assert people.write(lambda work: work.accounts.remove_sessions_ended(after(10), after(-8))) == 2
    assert people.read(lambda work: work.accounts.session("alive")) is not None
    assert people.write(lambda work: work.accounts.remove_sessions_ended(after(10), after(-8))) == 0


def test_a_session_of_nobody_is_a_conflict(people: SqlRecords) -> None:
    with pytest.raises(Conflict):
        people.write(lambda work: work.accounts.add_session(session(user_id="usr_9")))


def test_a_key_comes_back_as_it_was_added_and_remembers_its_use(people: SqlRecords) -> None:
    people.write(lambda work: work.accounts.add_key(key()))
    assert people.read(lambda work: work.accounts.key("k1")) == key()
    people.write(lambda work: work.accounts.touch_key("k1", after(7)))
    assert people.read(lambda work: work.accounts.key("k1")) == key(last_used_at=after(7))
    for unknown in ("k9", "\x00", "\ud800"):
        assert people.read(lambda work: work.accounts.key(unknown)) is None  # noqa: B023


def test_a_key_is_revoked_once(people: SqlRecords) -> None:
    people.write(lambda work: work.accounts.add_key(key()))
    assert people.write(lambda work: work.accounts.revoke_key("k1", after(1)))
    assert not people.write(lambda work: work.accounts.revoke_key("k1", after(2)))
    assert not people.write(lambda work: work.accounts.revoke_key("k9", after(2)))
    assert people.read(lambda work: work.accounts.key("k1")) == key(revoked_at=after(1))


def test_a_users_held_keys_are_those_that_are_not_revoked(people: SqlRecords) -> None:
    for made in (key(), key(id="k2", revoked_at=after(1)), key(id="k3", user_id="usr_2")):
        people.write(lambda work: work.accounts.add_key(made))  # noqa: B023
    assert people.read(lambda work: work.accounts.keys_held("usr_1")) == [key()]


def test_keys_are_listed_for_one_user_or_all(people: SqlRecords) -> None:
    made = [key("k1"), key("k2", user_id="usr_2"), key("k3", scopes=frozenset())]
    people.write(lambda work: [work.accounts.add_key(one) for one in made])
    assert people.read(lambda work: work.accounts.keys()) == made
    assert people.read(lambda work: work.accounts.keys("usr_1")) == [made[0], made[2]]


PATIENCE = timedelta(seconds=60)


def leftover(name: str, seconds: float, bucket: Bucket = Bucket.INCOMING) -> Leftover:
    return Leftover(bucket, name, after(seconds))


def test_leftovers_are_due_in_order_and_bounded(records: SqlRecords) -> None:
    made = [leftover("k/1", 3), leftover("k/2", 1), leftover("k/3", 4)]
    records.write(lambda work: [work.leftovers.add(one) for one in made])
    assert records.write(lambda work: work.leftovers.doom(after(3), 9, timedelta(0))) == [
        made[1],
        made[0],
    ]
    assert records.write(lambda work: work.leftovers.doom(after(3), 1, timedelta(0))) == [made[1]]
    assert records.write(lambda work: work.leftovers.doom(after(0), 9, timedelta(0))) == []


def test_what_cannot_be_deleted_keeps_no_other_from_its_turn(records: SqlRecords) -> None:
    """As many as are taken at a time are refused by the store for ever, and were due first."""
    made = [leftover(f"k/{seconds}", seconds) for seconds in range(1, 6)]
    records.write(lambda work: [work.leftovers.add(one) for one in made])
    doomed = [
        records.write(lambda work: work.leftovers.doom(after(9), 2, timedelta(0))) for _ in range(4)
    ]
    assert doomed == [made[:2], made[2:4], made[4:], made[:2]]


def test_a_leftover_announced_twice_keeps_the_earlier_time(records: SqlRecords) -> None:
    for seconds in (5, 9, 3, 4):
        records.write(lambda work: work.leftovers.add(leftover("k/1", seconds)))  # noqa: B023
    assert records.read(lambda work: list(work.leftovers.all())) == [leftover("k/1", 3)]


def test_a_leftover_is_taken_back_once_and_only_in_its_bucket(records: SqlRecords) -> None:
    records.write(lambda work: work.leftovers.add(leftover("k/1", 1)))
    assert not records.write(lambda work: work.leftovers.take_back(Bucket.CLEAN, "k/1"))
    assert records.write(lambda work: work.leftovers.take_back(Bucket.INCOMING, "k/1"))
    assert not records.write(lambda work: work.leftovers.take_back(Bucket.INCOMING, "k/1"))


def test_a_doomed_leftover_cannot_be_taken_back_and_stays_until_forgotten(
    records: SqlRecords,
) -> None:
    records.write(lambda work: work.leftovers.add(leftover("k/1", 1)))
    records.write(lambda work: work.leftovers.doom(after(2), 9, timedelta(0)))
    assert not records.write(lambda work: work.leftovers.take_back(Bucket.INCOMING, "k/1"))
    assert records.write(lambda work: work.leftovers.doom(after(2), 9, timedelta(0))) == [
        leftover("k/1", 1)
    ]
    records.write(lambda work: work.leftovers.forget(Bucket.INCOMING, "k/1"))
    assert records.read(lambda work: list(work.leftovers.all())) == []


def test_all_reaches_every_leftover(records: SqlRecords) -> None:
    """More than one batch of them, in several buckets."""
    made = {leftover(f"k/{n:04}", n, bucket) for n in range(301) for bucket in Bucket}
    records.write(lambda work: [work.leftovers.add(one) for one in made])
    seen = records.read(lambda work: list(work.leftovers.all()))
    assert len(seen) == len(made)
    assert set(seen) == made


def test_the_audit_trail_grows_by_what_is_appended(records: SqlRecords, database_url: str) -> None:
    entry = AuditEntry(NOW, "usr_1", "key-created", "k1", {"scopes": ["admin"], "n": 1, "x": None})
    records.write(lambda work: [work.audit.append(entry), work.audit.append(entry)])
    engine = create_engine(database_url)
    with engine.connect() as connection:
        rows = connection.execute(select(tables.audit).order_by(tables.audit.c.id)).all()
    engine.dispose()
    assert [row.id for row in rows] == [1, 2]
    assert AuditEntry(**{k: v for k, v in rows[0]._mapping.items() if k != "id"}) == entry


def test_the_audit_trail_has_no_other_verb(records: SqlRecords) -> None:
    verbs = records.read(lambda work: [name for name in dir(work.audit) if name[0] != "_"])
    assert verbs == ["append"]


def test_what_is_shared_is_doomed_late_and_never_while_a_document_counts_in_it(
    records: SqlRecords,
) -> None:
    records.write(lambda work: work.accounts.add_user(user("usr_1")))
    records.write(lambda work: work.documents.add(document("doc_1", state=State.QUARANTINED)))
    records.write(lambda work: work.documents.add(document("doc_2", state=State.SCANNING)))
    segments = [Segment(0, 3, "shared/1", 0), Segment(0, 4, "shared/1", 3)]
    for number, segment in enumerate(segments, 1):
        records.write(lambda work: work.documents.add_segment(f"doc_{number}", segment))  # noqa: B023
    made = [leftover("shared/1", 1), leftover("shared/2", 1)]
    records.write(lambda work: [work.leftovers.add(one) for one in made])

    def doomed(seconds: float) -> Sequence[Leftover]:
        return records.write(lambda work: work.leftovers.doom(after(seconds), 9, PATIENCE))

    def held_up(seconds: float) -> Sequence[tuple[str, Segment]]:
        return records.read(lambda work: work.leftovers.held_up(after(seconds), 9))

    assert doomed(1 + 59) == []
    assert doomed(1 + 60) == [made[1]]
    # The one that is inspected at present settles by itself.
    assert (held_up(0), held_up(1)) == ([], [("doc_1", segments[0])])
    for number in (1, 2):
        records.write(lambda work: work.documents.drop_segments(f"doc_{number}"))  # noqa: B023
    assert made[0] in doomed(1 + 60)
    assert held_up(1) == []
