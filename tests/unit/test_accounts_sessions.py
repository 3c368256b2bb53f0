"""Accounts: sessions, their limits and their ends."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.support.accounts import IDLE, LIFE, PASSWORD, READ_WRITE, Bench
from uploads.documents.errors import Unauthenticated
from uploads.documents.model import Role, Scope, User


def test_a_session_speaks_for_its_user(bench: Bench, ann: User, boss: User) -> None:
    """An administrator's session has every scope, a user's those of a user."""
    actor = bench.accounts.session_actor(bench.accounts.start_session(ann))
    assert actor is not None
    assert (actor.user_id, actor.email, actor.role) == (ann.id, ann.email, Role.USER)
    assert (actor.scopes, actor.via) == (READ_WRITE, "session")
    admin = bench.accounts.session_actor(bench.accounts.start_session(boss))
    assert admin is not None
    assert admin.scopes == frozenset(Scope)


def test_a_token_is_long_and_only_its_digest_is_kept(bench: Bench, ann: User) -> None:
    tokens = {bench.accounts.start_session(ann) for _ in range(5)}
    assert len(tokens) == 5
    assert all(len(token) >= 43 and token.isascii() for token in tokens)
    kept = "\n".join(str(row) for row in bench.query("SELECT * FROM sessions"))
    assert not any(token in kept for token in tokens)


@pytest.mark.parametrize("token", ["", "x", "\x00", "\ud800", "ü" * 1000])
def test_what_is_no_token_speaks_for_nobody(bench: Bench, ann: User, token: str) -> None:
    bench.accounts.start_session(ann)
    assert bench.accounts.session_actor(token) is None
    bench.accounts.sign_out(token)


def test_the_digest_itself_is_no_token(bench: Bench, ann: User) -> None:
    bench.accounts.start_session(ann)
    ((kept,),) = bench.query("SELECT id FROM sessions")
    assert bench.accounts.session_actor(str(kept)) is None


def test_an_unused_session_ends(bench: Bench, ann: User) -> None:
    token = bench.accounts.start_session(ann)
    bench.wait(IDLE - 1)
    assert bench.accounts.session_actor(token) is not None
    bench.wait(IDLE)
    assert bench.accounts.session_actor(token) is None


def test_a_session_in_use_ends_all_the_same(bench: Bench, ann: User) -> None:
    token = bench.accounts.start_session(ann)
    for _ in range(LIFE // 1800 - 1):
        bench.wait(1800)
        assert bench.accounts.session_actor(token) is not None
    bench.wait(1800)
    assert bench.accounts.session_actor(token) is None


def test_use_is_noted_once_a_minute_at_most(bench: Bench, ann: User) -> None:
    token = bench.accounts.start_session(ann)
    _, key = bench.accounts.create_key(ann.id, "script", READ_WRITE)
    assert bench.accounts.key_actor(key) is not None
    seen = []
    for _ in range(5):
        bench.wait(30)
        assert bench.accounts.session_actor(token) is not None
        assert bench.accounts.key_actor(key) is not None
        seen.append(
            bench.query(
                "SELECT last_seen_at FROM sessions UNION ALL SELECT last_used_at FROM api_keys"
            )
        )
    assert [rows[0] != before[0] for before, rows in pairwise(seen)] == [
        *(True, False, True, False)
    ]
    assert all(rows[0] == rows[1] for rows in seen)


def test_every_way_out_ends_the_session_at_once(bench: Bench, ann: User, boss: User) -> None:
    accounts = bench.accounts
    for way_out in (
        lambda token: accounts.sign_out(token),
        lambda token: accounts.disable(ann.email),
        lambda token: accounts.reset_password(ann.email, PASSWORD),
    ):
        present = accounts.enable(ann.email)
        token = accounts.start_session(present)
        other = accounts.start_session(boss)
        assert accounts.session_actor(token) is not None
        way_out(token)
        assert accounts.session_actor(token) is None
        accounts.enable(ann.email)
        assert accounts.session_actor(token) is None, "and enabling does not bring it back"
        assert accounts.session_actor(other) is not None


def test_no_session_starts_after_a_reset_or_a_lock_out(bench: Bench, ann: User) -> None:
    """Between the check of the password and the session, the operator was faster."""
    bench.accounts.reset_password(ann.email, "another horse battery")
    with pytest.raises(Unauthenticated):
        bench.accounts.start_session(ann)
    present = bench.accounts.user(ann.email)
    bench.accounts.disable(ann.email)
    with pytest.raises(Unauthenticated):
        bench.accounts.start_session(present)


def test_ended_sessions_are_forgotten(bench: Bench, ann: User) -> None:
    bench.accounts.start_session(ann)
    bench.wait(IDLE + 1)
    token = bench.accounts.start_session(ann)
    assert bench.accounts.remove_ended_sessions() == 1
    assert bench.accounts.session_actor(token) is not None
