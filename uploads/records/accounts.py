"""Users, their sessions and their API keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, insert, or_, select, update

from uploads.documents.model import ApiKey, Role, Scope, Session, User
from uploads.records.prepared import PreparedLookup
from uploads.records.statements import storable, upsert
from uploads.records.tables import api_keys, sessions, users

# As the records list them, so that a row is handed over as it is.
_USER_COLUMNS = [users.c[one.name] for one in fields(User)]
_KEY_COLUMNS = [api_keys.c[one.name] for one in fields(ApiKey)]
_SESSION_COLUMNS = [sessions.c[one.name] for one in fields(Session)]
# What each request asks is built once: to build it anew costs more than the answer.
_USER = select(*_USER_COLUMNS).where(users.c.id == bindparam("wanted"))
_KEY = select(*_KEY_COLUMNS).where(api_keys.c.id == bindparam("wanted"))
_SESSION = select(*_SESSION_COLUMNS).where(sessions.c.id == bindparam("wanted"))
_KEY_AND_USER = PreparedLookup(
    _KEY.add_columns(*_USER_COLUMNS)
    .select_from(api_keys)
    .join(users, users.c.id == api_keys.c.user_id),
    lambda row: (_key(row[: len(_KEY_COLUMNS)]), _user(row[len(_KEY_COLUMNS) :])),
)
_SESSION_AND_USER = PreparedLookup(
    _SESSION.add_columns(*_USER_COLUMNS)
    .select_from(sessions)
    .join(users, users.c.id == sessions.c.user_id),
    lambda row: (Session(*row[: len(_SESSION_COLUMNS)]), _user(row[len(_SESSION_COLUMNS) :])),
)


class SqlAccounts:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add_user(self, user: User) -> bool:
        added = self._connection.execute(
            upsert(self._connection, users)
            .values(
                id=user.id,
                email=user.email.lower(),
                password_hash=user.password_hash,
                role=user.role.value,
                created_at=user.created_at,
                disabled_at=user.disabled_at,
            )
            .on_conflict_do_nothing(index_elements=[users.c.email])
            .returning(users.c.id)
        )
        return added.first() is not None

    def user(self, user_id: str) -> User | None:
        row = self._connection.execute(_USER, {"wanted": user_id}).one_or_none()
        return None if row is None else _user(row)

    def user_by_email(self, email: str) -> User | None:
        if not storable(email):
            return None
        row = self._connection.execute(
            select(*_USER_COLUMNS).where(users.c.email == email.lower())
        ).one_or_none()
        return None if row is None else _user(row)

    def users(self) -> Sequence[User]:
        rows = self._connection.execute(
            select(*_USER_COLUMNS).order_by(users.c.created_at, users.c.id)
        )
        return [_user(row) for row in rows]

    def set_password(self, user_id: str, password_hash: str, replaces: str | None = None) -> bool:
        statement = update(users).where(users.c.id == user_id)
        if replaces is not None:
            statement = statement.where(users.c.password_hash == replaces)
        changed = self._connection.execute(statement.values(password_hash=password_hash))
        return changed.rowcount == 1

    def set_disabled(self, user_id: str, at: datetime | None) -> None:
        self._connection.execute(update(users).where(users.c.id == user_id).values(disabled_at=at))

    def add_session(self, session: Session) -> None:
        self._connection.execute(
            insert(sessions).values(
                id=session.id,
                user_id=session.user_id,
                created_at=session.created_at,
                last_seen_at=session.last_seen_at,
                expires_at=session.expires_at,
            )
        )

    def session(self, session_id: str) -> Session | None:
        row = self._connection.execute(_SESSION, {"wanted": session_id}).one_or_none()
        return None if row is None else Session(*row)

    def session_and_user(self, session_id: str) -> tuple[Session, User] | None:
        return _SESSION_AND_USER.find(self._connection, {"wanted": session_id})

    def touch_session(self, session_id: str, at: datetime) -> None:
        self._connection.execute(
            update(sessions).where(sessions.c.id == session_id).values(last_seen_at=at)
        )

    def remove_session(self, session_id: str) -> None:
        self._connection.execute(delete(sessions).where(sessions.c.id == session_id))

    def remove_sessions(self, user_id: str) -> None:
        self._connection.execute(delete(sessions).where(sessions.c.user_id == user_id))

    def remove_sessions_ended(self, expires_before: datetime, idle_before: datetime) -> int:
        ended = or_(sessions.c.expires_at < expires_before, sessions.c.last_seen_at < idle_before)
        return self._connection.execute(delete(sessions).where(ended)).rowcount

    def add_key(self, key: ApiKey) -> None:
        self._connection.execute(
            insert(api_keys).values(
                id=key.id,
                user_id=key.user_id,
                name=key.name,
                secret_hash=key.secret_hash,
                scopes=sorted(scope.value for scope in key.scopes),
                created_at=key.created_at,
                last_used_at=key.last_used_at,
                revoked_at=key.revoked_at,
                expires_at=key.expires_at,
                made_by=key.made_by,
            )
        )

    def key(self, key_id: str) -> ApiKey | None:
        if not storable(key_id):
            return None
        row = self._connection.execute(_KEY, {"wanted": key_id}).one_or_none()
        return None if row is None else _key(row)

    def key_and_user(self, key_id: str) -> tuple[ApiKey, User] | None:
        if not storable(key_id):
            return None
        return _KEY_AND_USER.find(self._connection, {"wanted": key_id})

    def keys(self, user_id: str | None = None) -> Sequence[ApiKey]:
        statement = select(*_KEY_COLUMNS).order_by(api_keys.c.created_at, api_keys.c.id)
        if user_id is not None:
            statement = statement.where(api_keys.c.user_id == user_id)
        return [_key(row) for row in self._connection.execute(statement)]

    def keys_held(self, user_id: str) -> Sequence[ApiKey]:
        held = and_(api_keys.c.user_id == user_id, api_keys.c.revoked_at.is_(None))
        statement = select(*_KEY_COLUMNS).where(held).order_by(api_keys.c.created_at, api_keys.c.id)
        return [_key(row) for row in self._connection.execute(statement)]

    def touch_key(self, key_id: str, at: datetime) -> None:
        self._connection.execute(
            update(api_keys).where(api_keys.c.id == key_id).values(last_used_at=at)
        )

    def revoke_key(self, key_id: str, at: datetime) -> bool:
        revoked = self._connection.execute(
            update(api_keys)
            .where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
            .values(revoked_at=at)
        )
        return revoked.rowcount == 1

    def forget_revoked(self, user_id: str, keep: int) -> None:
        revoked = and_(api_keys.c.user_id == user_id, api_keys.c.revoked_at.is_not(None))
        last = (
            select(api_keys.c.id)
            .where(revoked)
            .order_by(api_keys.c.revoked_at.desc(), api_keys.c.id.desc())
            .limit(keep)
        )
        self._connection.execute(delete(api_keys).where(revoked, api_keys.c.id.not_in(last)))


def _user(row: Sequence[Any]) -> User:
    user_id, email, password_hash, role, *rest = row
    return User(user_id, email, password_hash, Role(role), *rest)


def _key(row: Sequence[Any]) -> ApiKey:
    key_id, user_id, name, secret_hash, scopes, *rest = row
    return ApiKey(key_id, user_id, name, secret_hash, frozenset(map(Scope, scopes)), *rest)
