"""What the records keep of users, sessions and keys: the protocol that `Work` has for them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from uploads.documents.model import ApiKey, Session, User


class Accounts(Protocol):
    def add_user(self, user: User) -> bool:
        """Add, or return False where the address is taken. Addresses are kept lower-case."""

    def user(self, user_id: str) -> User | None: ...

    def user_by_email(self, email: str) -> User | None: ...

    def users(self) -> Sequence[User]: ...

    def set_password(self, user_id: str, password_hash: str, replaces: str | None = None) -> bool:
        """Set the hash; with `replaces`, only where that is the present one. Whether it was set."""

    def set_disabled(self, user_id: str, at: datetime | None) -> None: ...

    def add_session(self, session: Session) -> None: ...

    def session(self, session_id: str) -> Session | None: ...

    def session_and_user(self, session_id: str) -> tuple[Session, User] | None:
        """Both by one question, for every request asks it."""

    def touch_session(self, session_id: str, at: datetime) -> None: ...

    def remove_session(self, session_id: str) -> None: ...

    def remove_sessions(self, user_id: str) -> None: ...

    def remove_sessions_ended(self, expires_before: datetime, idle_before: datetime) -> int: ...

    def add_key(self, key: ApiKey) -> None: ...

    def key(self, key_id: str) -> ApiKey | None: ...

    def key_and_user(self, key_id: str) -> tuple[ApiKey, User] | None:
        """Both by one question, for every request asks it."""

    def keys(self, user_id: str | None = None) -> Sequence[ApiKey]: ...

    def keys_held(self, user_id: str) -> Sequence[ApiKey]:
        """A user's keys that are not revoked, oldest first."""

    def touch_key(self, key_id: str, at: datetime) -> None: ...

    def revoke_key(self, key_id: str, at: datetime) -> bool:
        """Whether there was such a key that was not revoked yet."""

    def forget_revoked(self, user_id: str, keep: int) -> None:
        """Forget a user's revoked keys, but for those that were revoked last."""
