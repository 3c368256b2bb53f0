"""Accounts: users and their passwords."""

from __future__ import annotations

import statistics
import time

import pytest
from argon2 import PasswordHasher

from tests.support.accounts import CHEAP, PASSWORD, Bench
from tests.support.facts import NOW
from uploads.documents.errors import Conflict, Invalid, NotFound, Unauthenticated
from uploads.documents.model import Role, User
from uploads.security.accounts import Accounts


def test_an_address_is_kept_in_one_spelling_and_given_once(bench: Bench) -> None:
    user = bench.accounts.create_user("  Ann@Example.ORG ", PASSWORD)
    assert (user.email, user.role, user.created_at) == ("ann@example.org", Role.USER, NOW)
    with pytest.raises(Conflict, match=r"ann@example\.org"):
        bench.accounts.create_user("ANN@example.org", PASSWORD)
    assert bench.accounts.list_users() == [user]
    assert bench.accounts.verify_password("aNN@example.org ", PASSWORD) == user


@pytest.mark.parametrize(
    "address", ["admin@localhost", "o'neil+x@a-b.example.org", "jürgen@bücher.example"]
)
def test_ordinary_addresses_are_accepted(bench: Bench, address: str) -> None:
    assert bench.accounts.create_user(address, PASSWORD).email == address


@pytest.mark.parametrize(
    "address",
    [
        *("", "ann", "@example.org", "ann@", "a b@example.org", "ann@exa mple.org"),
        *("ann@@example.org", "ann@.org", "ann@-x.org", "ann@x..org", "a\x00@example.org"),
        *("a\n@example.org", "<ann@example.org>", "ann@example.org, bob@example.org"),
        "a" * 65 + "@example.org",
        "ann@" + "x" * 251,
    ],
)
def test_what_is_no_address_is_refused(bench: Bench, address: str) -> None:
    with pytest.raises(Invalid) as refusal:
        bench.accounts.create_user(address, PASSWORD)
    assert refusal.value.members["errors"][0]["pointer"] == "/email"
    assert bench.accounts.list_users() == []


@pytest.mark.parametrize(
    "password",
    [
        *("", "short", "elevenchars", "x" * 129, "aaaaaaaaaaaaaaaa", "abababababababab"),
        *("123456789012", "abcdefghijklmnop", "qwertyuiop123", "Password1234!", "P@ssw0rdP@ssw0rd"),
        *("passwordpassword", "letmein-letmein", "12345welcome12345", "administrator1"),
        *("ann@example.org", "xx-ann@example.org-xx", "ann.ann.ann.ann", "ann12345annx"),
        *("correcthorsebatterystaple", "iloveyou!!!!!"),
    ],
)
def test_passwords_that_are_guessed_first_are_refused(bench: Bench, password: str) -> None:
    with pytest.raises(Invalid) as refusal:
        bench.accounts.create_user("ann@example.org", password)
    assert refusal.value.members["errors"][0]["pointer"] == "/password"


@pytest.mark.parametrize(
    "password",
    [
        *("twelve chars", "x7-Kd02mmq_L", "ann has a long password", "password for the boat"),
        *("пароль для лодки", "密码密码不是秘密的东西好的", "only lower case letters"),
        "long " * 25,
    ],
)
def test_long_passwords_of_any_kind_are_accepted(bench: Bench, password: str) -> None:
    """No composition rules, spaces and all scripts, up to 128 characters."""
    user = bench.accounts.create_user("ann@example.org", password)
    assert bench.accounts.verify_password(user.email, password) == user


def test_a_password_is_kept_as_argon2id_with_the_recommended_cost(bench: Bench) -> None:
    """RFC 9106 section 4, the second recommendation: 64 MiB, three passes, four lanes."""
    accounts = Accounts(bench.records)
    user = accounts.create_user("ann@example.org", PASSWORD)
    assert user.password_hash.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert accounts.verify_password("ann@example.org", PASSWORD) == user


def test_a_password_counts_however_the_keyboard_composed_it(bench: Bench) -> None:
    bench.accounts.create_user("ann@example.org", "gru\u0308ne Fische im Teich")
    bench.accounts.verify_password("ann@example.org", "gr\u00fcne Fische im Teich")


@pytest.mark.parametrize(
    ("email", "password"),
    [
        *(("ann@example.org", "wrong horse battery"), ("bob@example.org", PASSWORD)),
        *(("ann@example.org", ""), ("", ""), ("\x00", "\x00"), ("\ud800", "\ud800")),
        *(("ann@example.org", "x" * 1_000_000), ("x" * 100_000, PASSWORD)),
        ("ann@example.org", PASSWORD.upper()),
    ],
)
def test_a_wrong_pair_is_refused_with_one_sentence(
    bench: Bench, ann: User, email: str, password: str
) -> None:
    with pytest.raises(Unauthenticated, match="do not belong together"):
        bench.accounts.sign_in(email, password)
    assert bench.query("SELECT * FROM sessions") == []


def test_a_disabled_user_is_refused_like_a_wrong_password(bench: Bench, ann: User) -> None:
    bench.accounts.disable(ann.email)
    with pytest.raises(Unauthenticated) as disabled:
        bench.accounts.verify_password(ann.email, PASSWORD)
    with pytest.raises(Unauthenticated) as unknown:
        bench.accounts.verify_password("bob@example.org", PASSWORD)
    assert disabled.value.public == unknown.value.public


def test_an_unknown_address_costs_what_a_known_one_does(bench: Bench) -> None:
    """One whole argon2id of today's parameters in both cases."""
    accounts = bench.accounts_with(PasswordHasher(time_cost=4, memory_cost=16384, parallelism=1))
    accounts.create_user("ann@example.org", PASSWORD)

    def median(email: str) -> float:
        took = []
        for _ in range(9):
            begun = time.thread_time()
            with pytest.raises(Unauthenticated):
                accounts.verify_password(email, "wrong horse battery")
            took.append(time.thread_time() - begun)
        return statistics.median(took)

    known, unknown = median("ann@example.org"), median("bob@example.org")
    assert 0.6 < unknown / known < 1.6


def test_a_hash_of_old_parameters_is_renewed_at_the_next_sign_in(bench: Bench, ann: User) -> None:
    newer = bench.accounts_with(PasswordHasher(**{**CHEAP, "time_cost": 2}))
    token = newer.sign_in(ann.email, PASSWORD)
    assert newer.session_actor(token) is not None
    assert "t=2" in newer.user(ann.email).password_hash
    newer.verify_password(ann.email, PASSWORD)


def test_a_renewed_hash_never_brings_an_old_password_back(bench: Bench, ann: User) -> None:
    """The password is reset between the check and the renewal: the reset wins."""
    reset = "another horse battery"

    class ResetsFirst(PasswordHasher):
        done = False

        def check_needs_rehash(self, hash: str | bytes) -> bool:  # noqa: A002
            if not self.done:
                self.done = True
                bench.accounts.reset_password(ann.email, reset)
            return super().check_needs_rehash(hash)

    racing = bench.accounts_with(ResetsFirst(**{**CHEAP, "time_cost": 2}))
    with pytest.raises(Unauthenticated):
        racing.verify_password(ann.email, PASSWORD)
    bench.accounts.verify_password(ann.email, reset)


def test_unknown_users_are_named_as_such(bench: Bench) -> None:
    for verb in (bench.accounts.disable, bench.accounts.enable, bench.accounts.list_keys):
        with pytest.raises(NotFound):
            verb("bob@example.org")
    with pytest.raises(NotFound):
        bench.accounts.reset_password("bob@example.org", PASSWORD)
