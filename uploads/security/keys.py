"""API keys: what speaks for a program, made by operators, by their owners and by keys themselves.

A key never has more rights than whoever makes it, and one that a key made ends with that key at the
latest. Only the SHA-256 of the secret is kept.
"""

from __future__ import annotations

import hmac
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from uploads.documents import cursors
from uploads.documents.errors import Conflict, NotFound, Unauthenticated
from uploads.documents.model import Actor, ApiKey, AuditEntry, Role, Scope, User
from uploads.documents.receipts import Keep, keep_nothing
from uploads.records.protocol import Records, Work
from uploads.security.credentials import SCOPES, digest, invalid, key_text, normal_email, read_key

OPERATOR = "operator"
TOUCH_EVERY = timedelta(minutes=1)
_LONGEST_KEY_NAME = 100
_MOST_KEYS = 100
# So many of those that are revoked can still be seen; the audit trail tells of all.
_REVOKED_SHOWN = 200


class Keys:
    """The keys of all users. `by` is the audit trail's word for who asks for a change.

    `check_room` raises StorageFull where a disk is about to be full; an operator is not asked.
    """

    def __init__(
        self,
        records: Records,
        clock: Callable[[], datetime],
        *,
        new_id: Callable[[], str],
        new_token: Callable[[], str],
        check_room: Callable[[], None] = lambda: None,
    ) -> None:
        self._records = records
        self._clock = clock
        self._new_id = new_id
        self._new_token = new_token
        self._check_room = check_room

    def create_key(
        self,
        user_id: str,
        name: str,
        scopes: Collection[Scope],
        *,
        expires_at: datetime | None = None,
        by: str = OPERATOR,
    ) -> tuple[ApiKey, str]:
        """Make a key; returns it with its text, which nobody can read again.

        Raises NotFound for an unknown user, Invalid for a name, scopes or an end that cannot be
        given.
        """
        key, secret = self._draft(user_id, name, scopes, expires_at)
        self._records.write(lambda work: self._add(work, key, by))
        return key, key_text(key.id, secret)

    def create_own_key(
        self,
        actor: Actor,
        name: str,
        scopes: Collection[Scope],
        expires_at: datetime | None,
        keep: Keep[tuple[ApiKey, str]] = keep_nothing,
    ) -> tuple[ApiKey, str]:
        """The same for oneself: with no more rights than the caller has now, and, where a key makes
        a key, with no longer life. Raises Conflict when there are too many, and
        StorageFull."""
        self._check_room()
        if not frozenset(scopes) <= actor.scopes:
            raise invalid("/scopes", "A key cannot be given what its maker may not do.")

        def add(work: Work) -> tuple[ApiKey, str]:
            held = work.accounts.keys_held(actor.user_id)
            if len(held) >= _MOST_KEYS:
                raise Conflict(f"You have {_MOST_KEYS} keys, and no more may be. Revoke one.")
            made = key
            if actor.via == "key":
                made = _made_by(
                    next((one for one in held if one.id == actor.credential_id), None), key
                )
            self._add(work, made, actor.user_id)
            found = made, key_text(made.id, secret)
            keep(work, found)
            return found

        key, secret = self._draft(actor.user_id, name, scopes, expires_at)
        return self._records.write(add)

    def _draft(
        self, user_id: str, name: str, scopes: Collection[Scope], expires_at: datetime | None
    ) -> tuple[ApiKey, str]:
        name = name.strip()
        if not 1 <= len(name) <= _LONGEST_KEY_NAME or not name.isprintable():
            raise invalid("/name", f"A key's name has 1 to {_LONGEST_KEY_NAME} plain characters.")
        secret = self._new_token()
        key = ApiKey(
            self._new_id(), user_id, name, digest(secret), frozenset(scopes), self._clock()
        )

        if expires_at is not None and expires_at <= key.created_at:
            raise invalid("/expires_at", "A key's end lies in the future.")
        return replace(key, expires_at=expires_at), secret

    def _add(self, work: Work, key: ApiKey, by: str) -> None:
        user = work.accounts.user(key.user_id)
        if user is None:
            raise NotFound("There is no such user.")
        if not key.scopes or not key.scopes <= SCOPES[user.role]:
            allowed = ", ".join(sorted(SCOPES[user.role]))
            raise invalid("/scopes", f"This user's keys need one or more scopes of: {allowed}.")
        work.accounts.add_key(key)
        self._note(work, by, "key-created", key.id, user=key.user_id, scopes=sorted(key.scopes))

    def own_keys(
        self, actor: Actor, limit: int, cursor: str | None = None
    ) -> tuple[list[ApiKey], str | None]:
        """The caller's keys, newest first, revoked ones included, and the next page's cursor.

        Raises Invalid on a bad cursor.
        """
        before = cursors.read(cursor)
        held = self._records.read(lambda work: work.accounts.keys(actor.user_id))
        newest = sorted(held, key=lambda one: (one.created_at, one.id), reverse=True)
        rest = [one for one in newest if before is None or (one.created_at, one.id) < before]
        return cursors.page(rest, limit)

    def list_keys(self, email: str | None = None) -> Sequence[ApiKey]:
        """The keys of one user, or all of them, oldest first. Raises NotFound."""
        return self._records.read(
            lambda work: work.accounts.keys(by_email(work, email).id if email else None)
        )

    def key_actor(self, text: str) -> Actor | None:
        """Who this key speaks for; None where it is unknown, revoked, past its end or of a
        disabled user.

        A key never has more rights than its user, and is an administrator's only by its scope.
        """
        parts = read_key(text)
        if parts is None:
            return None
        now, (key_id, secret) = self._clock(), parts
        found = self._records.glance(lambda work: work.accounts.key_and_user(key_id))
        expected = found[0].secret_hash if found else "-" * 64
        if not hmac.compare_digest(digest(secret), expected) or found is None:
            return None
        key, user = found
        if key.revoked_at is not None or user.disabled_at is not None:
            return None
        if key.expires_at is not None and key.expires_at <= now:
            return None
        if key.last_used_at is None or now - key.last_used_at >= TOUCH_EVERY:
            self._records.write(lambda work: work.accounts.touch_key(key_id, now))
        scopes = key.scopes & SCOPES[user.role]
        role = Role.ADMIN if Scope.ADMIN in scopes else Role.USER
        return Actor(user.id, user.email, role, scopes, "key", key.id)

    def revoke_key(self, key_id: str, *, owner_id: str | None = None, by: str = OPERATOR) -> None:
        """Refuse a key from now on, and those that it made; revoking it again is quiet.

        Raises NotFound for an unknown key, and with `owner_id` for one of somebody else.
        """

        def revoke(work: Work) -> None:
            key = work.accounts.key(key_id)
            if key is None or owner_id not in (None, key.user_id):
                raise NotFound("There is no such key.")
            for one in _with_those_made(key, work.accounts.keys(key.user_id)):
                if one.revoked_at is None and work.accounts.revoke_key(one.id, self._clock()):
                    self._note(work, by, "key-revoked", one.id, user=key.user_id)
            work.accounts.forget_revoked(key.user_id, _REVOKED_SHOWN)

        self._records.write(revoke)

    def _note(self, work: Work, by: str, action: str, subject: str, **detail: Any) -> None:
        work.audit.append(AuditEntry(self._clock(), by, action, subject, detail))


def _made_by(maker: ApiKey | None, key: ApiKey) -> ApiKey:
    """A key that ends with its maker. Raises Unauthenticated for one that was revoked meanwhile."""
    if maker is None:
        raise Unauthenticated
    ends = [one for one in (key.expires_at, maker.expires_at) if one is not None]
    return replace(key, expires_at=min(ends, default=None), made_by=maker.id)


def _with_those_made(key: ApiKey, keys: Sequence[ApiKey]) -> list[ApiKey]:
    """The key, those that it made, and those that these made."""
    made = defaultdict(list)
    for one in keys:
        made[one.made_by].append(one)
    found = [key]
    for maker in found:
        found += made[maker.id]
    return found


def by_email(work: Work, email: str) -> User:
    """The user with this address. Raises NotFound."""
    user = work.accounts.user_by_email(normal_email(email))
    if user is None:
        raise NotFound("There is no user with this email address.")
    return user
