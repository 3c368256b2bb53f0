"""Accounts: who may come in, by password and session or by API key.

Framework-free; the doors hand over what a client sent and get an actor or None. Every change of
rights leaves a line in the audit trail, in the same commit. No token, key or password is kept:
sessions and keys are found by an id and proved by a SHA-256.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from argon2 import PasswordHasher

from uploads import clock as machine
from uploads.documents.errors import Conflict, Forbidden, Unauthenticated
from uploads.documents.model import Actor, Role, Session, User
from uploads.records.protocol import Records, Work
from uploads.security.credentials import SCOPES, digest, normal_email, spelled
from uploads.security.keys import OPERATOR, TOUCH_EVERY, Keys, by_email
from uploads.security.passwords import Passwords, check_password

NOBODY = "nobody"


class Accounts(Keys):
    """Users, sessions and keys. `by` is the audit trail's word for who asks for a change."""

    def __init__(
        self,
        records: Records,
        clock: Callable[[], datetime] = machine.now,
        hasher: PasswordHasher | None = None,
        *,
        idle_seconds: int = 12 * 3600,
        session_seconds: int = 7 * 86400,
        new_id: Callable[[], str] = machine.new_id,
        new_token: Callable[[], str] = machine.new_token,
        check_room: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(records, clock, new_id=new_id, new_token=new_token, check_room=check_room)
        self._passwords = Passwords(hasher or PasswordHasher())
        self._idle = timedelta(seconds=idle_seconds)
        self._life = timedelta(seconds=session_seconds)

    # Users

    def create_user(
        self, email: str, password: str, role: Role = Role.USER, *, by: str = OPERATOR
    ) -> User:
        """Add a user. Raises Invalid for the address or the password, Conflict when it is taken."""
        email = normal_email(email)
        check_password(password, email)
        user = User(
            f"usr_{self._new_id()}", email, self._passwords.hash(password), role, self._clock()
        )

        def add(work: Work) -> None:
            if not work.accounts.add_user(user):
                raise Conflict(f"There is a user {email} already.")
            self._note(work, by, "user-created", user.id, role=role.value)

        self._records.write(add)
        return user

    def user(self, email: str) -> User:
        """The user with this address. Raises NotFound."""
        return self._records.read(lambda work: by_email(work, email))

    def administrator(self, email: str) -> Actor:
        """Who acts under this address by the operator's command: one who could sign in and do it.

        Raises NotFound for an unknown address and Forbidden for all but administrators.
        """
        user = self.user(email)
        if user.role is not Role.ADMIN or user.disabled_at is not None:
            raise Forbidden(f"{user.email} is no administrator who can sign in.")
        return Actor(user.id, user.email, user.role, SCOPES[user.role], "cli")

    def list_users(self) -> Sequence[User]:
        """Every user, oldest first."""
        return self._records.read(lambda work: work.accounts.users())

    def disable(self, email: str, *, by: str = OPERATOR) -> User:
        """Lock a user out at once: sessions end, keys are refused, links and webhooks rest.

        Raises NotFound.
        """

        def lock(work: Work) -> User:
            user = by_email(work, email)
            at = user.disabled_at or self._clock()
            work.accounts.set_disabled(user.id, at)
            work.accounts.remove_sessions(user.id)
            self._note(work, by, "user-disabled", user.id)
            return replace(user, disabled_at=at)

        return self._records.write(lock)

    def enable(self, email: str, *, by: str = OPERATOR) -> User:
        """Let a disabled user in again. Raises NotFound."""

        def unlock(work: Work) -> User:
            user = by_email(work, email)
            work.accounts.set_disabled(user.id, None)
            self._note(work, by, "user-enabled", user.id)
            return replace(user, disabled_at=None)

        return self._records.write(unlock)

    def reset_password(self, email: str, password: str, *, by: str = OPERATOR) -> User:
        """Replace a password and end the user's sessions. Raises NotFound or Invalid."""
        user = self.user(email)
        check_password(password, user.email)
        password_hash = self._passwords.hash(password)

        def reset(work: Work) -> User:
            work.accounts.set_password(user.id, password_hash)
            work.accounts.remove_sessions(user.id)
            self._note(work, by, "password-reset", user.id)
            return replace(user, password_hash=password_hash)

        return self._records.write(reset)

    # Signing in

    def verify_password(self, email: str, password: str) -> User:
        """The user with this address and password.

        Raises Unauthenticated for a wrong pair and for a disabled user, always with the same
        sentence and at the same cost.
        Raises PasswordsBusy too, of whoever is asked for.
        """
        address = spelled(email)
        user = self._records.read(lambda work: work.accounts.user_by_email(address))
        right = self._passwords.verify(user.password_hash if user else None, password)
        if user is None or not right or user.disabled_at is not None:
            # What was typed as an address may be a password: an unknown one is not kept.
            subject = user.id if user else NOBODY
            self._records.write(lambda work: self._note(work, NOBODY, "sign-in-failed", subject))
            raise _wrong_pair()
        if not self._passwords.outdated(user.password_hash):
            return user
        return self._rehashed(user, password) or self.verify_password(email, password)

    def _rehashed(self, user: User, password: str) -> User | None:
        """The user with a hash of today's parameters; None where it was changed meanwhile."""
        newer = self._passwords.hash(password)
        replaced = self._records.write(
            lambda work: work.accounts.set_password(user.id, newer, user.password_hash)
        )
        return replace(user, password_hash=newer) if replaced else None

    def sign_in(self, email: str, password: str) -> str:
        """Start a session with a password; returns its token. Raises Unauthenticated."""
        return self.start_session(self.verify_password(email, password))

    def start_session(self, user: User) -> str:
        """Start a session of a user just verified; returns its token, for the cookie alone.

        Raises Unauthenticated when the user was disabled, or the password reset, since then.
        """
        token, now = self._new_token(), self._clock()
        session = Session(digest(token), user.id, now, now, now + self._life)

        def start(work: Work) -> None:
            present = work.accounts.user(user.id)
            if (
                present is None
                or present.disabled_at is not None
                or present.password_hash != user.password_hash
            ):
                raise _wrong_pair()
            work.accounts.add_session(session)
            self._note(work, user.id, "sign-in", user.id)

        self._records.write(start)
        return token

    def session_actor(self, token: str) -> Actor | None:
        """Who this session's token speaks for; None once it ended, idled out or never was."""
        now, session_id = self._clock(), digest(token)
        found = self._records.glance(lambda work: work.accounts.session_and_user(session_id))
        if found is None:
            return None
        session, user = found
        if user.disabled_at is not None:
            return None
        if now >= session.expires_at or now >= session.last_seen_at + self._idle:
            return None
        if now - session.last_seen_at >= TOUCH_EVERY:
            self._records.write(lambda work: work.accounts.touch_session(session_id, now))
        return Actor(user.id, user.email, user.role, SCOPES[user.role], "session", session_id)

    def sign_out(self, token: str) -> None:
        """End the session of this token; an unknown one is quiet."""
        session_id = digest(token)

        def end(work: Work) -> None:
            session = work.accounts.session(session_id)
            if session is not None:
                work.accounts.remove_session(session_id)
                self._note(work, session.user_id, "sign-out", session.user_id)

        self._records.write(end)

    def remove_ended_sessions(self) -> int:
        """Forget the sessions that can no longer be used; returns how many there were."""
        now = self._clock()
        return self._records.write(
            lambda work: work.accounts.remove_sessions_ended(now, now - self._idle)
        )


def _wrong_pair() -> Unauthenticated:
    return Unauthenticated("This email and password do not belong together. Check both, try again.")
