"""Accounts: what is written into the audit trail."""

from __future__ import annotations

import pytest

from tests.support.accounts import PASSWORD, READ_WRITE, Bench
from uploads.documents.errors import Unauthenticated
from uploads.documents.model import User


def test_every_change_of_rights_leaves_a_line(bench: Bench) -> None:
    accounts = bench.accounts
    ann = accounts.create_user("ann@example.org", PASSWORD, by="usr_boss")
    token = accounts.sign_in(ann.email, PASSWORD)
    accounts.sign_out(token)
    for email in (ann.email, "my password by mistake"):
        with pytest.raises(Unauthenticated):
            accounts.sign_in(email, "wrong horse battery")
    key, _ = accounts.create_key(ann.id, "k", READ_WRITE, by=ann.id)
    accounts.revoke_key(key.id)
    accounts.reset_password(ann.email, "another horse battery")
    accounts.disable(ann.email)
    accounts.enable(ann.email)
    assert bench.trail() == [
        ("usr_boss", "user-created", ann.id),
        (ann.id, "sign-in", ann.id),
        (ann.id, "sign-out", ann.id),
        ("nobody", "sign-in-failed", ann.id),
        ("nobody", "sign-in-failed", "nobody"),
        (ann.id, "key-created", key.id),
        ("operator", "key-revoked", key.id),
        ("operator", "password-reset", ann.id),
        ("operator", "user-disabled", ann.id),
        ("operator", "user-enabled", ann.id),
    ]


def test_the_trail_holds_no_secret(bench: Bench, ann: User) -> None:
    token = bench.accounts.sign_in(ann.email, PASSWORD)
    _, key = bench.accounts.create_key(ann.id, "k", READ_WRITE)
    with pytest.raises(Unauthenticated):
        bench.accounts.sign_in("a secret typed too early", "wrong horse battery")
    trail = str(bench.query("SELECT * FROM audit"))
    for secret in (PASSWORD, token, key.split(".")[2], "typed too early", "wrong horse"):
        assert secret not in trail
