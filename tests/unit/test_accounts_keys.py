"""Accounts: API keys, their rights and their ends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.support.accounts import READ_WRITE, Bench
from tests.support.facts import NOW
from uploads.documents.errors import Conflict, Invalid, NotFound
from uploads.documents.model import ApiKey, Role, Scope, User
from uploads.security import keys
from uploads.security.standing import Standing


def test_a_key_speaks_for_its_user_with_its_scopes(bench: Bench, ann: User) -> None:
    key, text = bench.accounts.create_key(ann.id, " my script ", [Scope.DOCUMENTS_READ])
    assert text.startswith(f"upk.{key.id}.")
    assert (key.name, key.user_id) == ("my script", ann.id)
    actor = bench.accounts.key_actor(text)
    assert actor is not None
    assert (actor.user_id, actor.via, actor.credential_id) == (ann.id, "key", key.id)
    assert actor.scopes == {Scope.DOCUMENTS_READ}


def test_an_administrators_key_is_one_only_by_its_scope(bench: Bench, boss: User) -> None:
    for scopes, role in ((READ_WRITE, Role.USER), (frozenset(Scope), Role.ADMIN)):
        actor = bench.accounts.key_actor(bench.accounts.create_key(boss.id, "k", scopes)[1])
        assert actor is not None
        assert (actor.role, actor.scopes) == (role, scopes)


def test_a_user_cannot_be_given_a_key_of_more_rights(bench: Bench, ann: User) -> None:
    for scopes in ([Scope.ADMIN], [Scope.ADMIN, Scope.DOCUMENTS_READ], []):
        with pytest.raises(Invalid):
            bench.accounts.create_key(ann.id, "k", scopes)
    with pytest.raises(NotFound):
        bench.accounts.create_key("usr_9", "k", READ_WRITE)
    for name in ("", "  ", "x" * 101, "a\nb", "a\x00b"):
        with pytest.raises(Invalid):
            bench.accounts.create_key(ann.id, name, READ_WRITE)
    assert bench.accounts.list_keys() == []


def test_a_secret_is_long_and_only_its_digest_is_kept(bench: Bench, ann: User) -> None:
    _, text = bench.accounts.create_key(ann.id, "k", READ_WRITE)
    secret = text.split(".")[2]
    assert len(secret) >= 43
    for table in ("api_keys", "audit"):
        assert secret not in str(bench.query(f"SELECT * FROM {table}"))


def test_what_is_no_key_speaks_for_nobody(bench: Bench, ann: User) -> None:
    key, text = bench.accounts.create_key(ann.id, "k", READ_WRITE)
    other = bench.accounts.create_key(ann.id, "other", READ_WRITE)[1]
    prefix, key_id, secret = text.split(".")
    for wrong in (
        *("", "upk", "upk..", "upk.\x00.x", "\ud800", f"{text}\n", f" {text}", text[:-1]),
        *(f"{prefix}.{key_id}.{other.split('.')[2]}", f"{prefix}.nothere.{secret}"),
        *(f"upx.{key_id}.{secret}", f"{prefix}.{key_id}.{key.secret_hash}", text.upper()),
    ):
        assert bench.accounts.key_actor(wrong) is None, wrong


def test_a_revoked_key_is_refused_at_once_and_by_its_owner_only(
    bench: Bench, ann: User, boss: User
) -> None:
    """Somebody else's key answers like one that does not exist."""
    key, text = bench.accounts.create_key(ann.id, "k", READ_WRITE)
    for unknown, owner in ((key.id, boss.id), ("nothere", None), ("\x00", None)):
        with pytest.raises(NotFound):
            bench.accounts.revoke_key(unknown, owner_id=owner)
    assert bench.accounts.key_actor(text) is not None
    bench.accounts.revoke_key(key.id, owner_id=ann.id)
    assert bench.accounts.key_actor(text) is None
    bench.accounts.revoke_key(key.id)
    assert [row[1] for row in bench.trail()].count("key-revoked") == 1


def test_a_disabled_users_key_rests(bench: Bench, ann: User) -> None:
    _, text = bench.accounts.create_key(ann.id, "k", READ_WRITE)
    bench.accounts.disable(ann.email)
    assert bench.accounts.key_actor(text) is None
    bench.accounts.enable(ann.email)
    assert bench.accounts.key_actor(text) is not None


def test_keys_are_listed_for_one_user_or_all(bench: Bench, ann: User, boss: User) -> None:
    mine, _ = bench.accounts.create_key(ann.id, "k", READ_WRITE)
    bench.wait(1)
    theirs, _ = bench.accounts.create_key(boss.id, "k", READ_WRITE)
    assert bench.accounts.list_keys() == [mine, theirs]
    assert bench.accounts.list_keys("ANN@example.org") == [mine]


def test_a_key_ends_when_it_was_said_to(bench: Bench, ann: User) -> None:
    ends = bench.now + timedelta(hours=1)
    _, text = bench.accounts.create_key(ann.id, "k", READ_WRITE, expires_at=ends)
    bench.now = ends - timedelta(microseconds=1)
    assert bench.accounts.key_actor(text) is not None
    bench.now = ends
    assert bench.accounts.key_actor(text) is None
    with pytest.raises(Invalid):
        bench.accounts.create_key(ann.id, "k", READ_WRITE, expires_at=bench.now)


def test_a_user_has_so_many_keys_and_room_again_when_one_is_revoked(
    bench: Bench, ann: User
) -> None:
    _, text = bench.accounts.create_key(ann.id, "k", READ_WRITE)
    actor = bench.accounts.key_actor(text)
    assert actor is not None
    made = [bench.accounts.create_own_key(actor, "k", READ_WRITE, None)[0] for _ in range(99)]
    with pytest.raises(Conflict):
        bench.accounts.create_own_key(actor, "k", READ_WRITE, None)
    bench.accounts.revoke_key(made[0].id)
    bench.accounts.create_own_key(actor, "k", READ_WRITE, None)


def test_what_is_opened_for_long_ends_with_its_credential(bench: Bench, ann: User) -> None:
    """Whether it is revoked, has ended, or its user is locked out; a look is no use of it."""
    standing = Standing(bench.records, lambda: bench.now, idle_seconds=60)
    ends = bench.now + timedelta(hours=1)
    key, text = bench.accounts.create_key(ann.id, "k", READ_WRITE, expires_at=ends)
    actor = bench.accounts.key_actor(text)
    assert actor is not None
    assert standing.may_read(actor)
    bench.now = ends
    assert not standing.may_read(actor)
    bench.now = ends - timedelta(seconds=1)
    bench.accounts.revoke_key(key.id)
    assert not standing.may_read(actor)
    token = bench.accounts.start_session(ann)
    person = bench.accounts.session_actor(token)
    assert person is not None
    bench.now += timedelta(seconds=59)
    assert standing.may_read(person)
    bench.now += timedelta(seconds=1)
    assert not standing.may_read(person), "idle for too long"
    bench.now -= timedelta(seconds=1)
    bench.accounts.sign_out(token)
    assert not standing.may_read(person)


def test_of_revoked_keys_the_last_ones_stay(
    bench: Bench, ann: User, boss: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever makes and revokes keys without end would leave rows that each of them reads."""
    monkeypatch.setattr(keys, "_REVOKED_SHOWN", 3)
    kept, _ = bench.accounts.create_key(ann.id, "kept", READ_WRITE)
    others, _ = bench.accounts.create_key(boss.id, "of another", READ_WRITE)
    bench.accounts.revoke_key(others.id)
    made = [bench.accounts.create_key(ann.id, f"{n}", READ_WRITE)[0].id for n in range(6)]
    for key_id in made:
        bench.wait(1)
        bench.accounts.revoke_key(key_id)
    shown = {one.id for one in bench.accounts.list_keys(ann.email)}
    assert shown == {kept.id, *made[3:]}
    assert [one.id for one in bench.accounts.list_keys(boss.email)] == [others.id]


def test_a_key_goes_with_all_that_it_made_by_one_look_at_the_others() -> None:
    """Whoever made thousands would have them all looked through for each of them."""

    class Looked(list[ApiKey]):
        times = 0

        def __iter__(self) -> Iterator[ApiKey]:
            self.times += 1
            return super().__iter__()

    def key(number: int, made_by: str | None) -> ApiKey:
        return ApiKey(f"k{number}", "usr_1", "k", "-", READ_WRITE, NOW, made_by=made_by)

    first, stranger = key(0, None), key(9, None)
    made = [key(1, "k0"), key(2, "k0"), key(3, "k1"), key(4, "k3")]
    looked = Looked([stranger, *reversed(made), first])
    found = keys._with_those_made(first, looked)
    assert sorted(one.id for one in found) == ["k0", "k1", "k2", "k3", "k4"]
    assert looked.times == 1
