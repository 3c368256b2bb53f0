"""Passwords: which are accepted, and how they are kept and checked.

Knows no user and no session. Rules after NIST SP 800-63B-4 §3.1.1.2 and OWASP ASVS 6.2: length
decides, any character counts, nothing has to be mixed, what everybody guesses first is refused.
"""

from __future__ import annotations

import base64
import os
import re
import secrets
import unicodedata
from collections.abc import Callable
from itertools import pairwise
from typing import Any, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from uploads.documents.errors import PasswordsBusy
from uploads.lanes import Errand, Lane, NoTurn, begun
from uploads.security.credentials import invalid

T = TypeVar("T")

SHORTEST = 12
LONGEST = 128
_OWN_SHARE = 8
# Each of these takes 64 MiB and four threads while it runs; more at once gain nothing.
_AT_ONCE = 2
# Strangers can have passwords checked without end: that must not take the processors from others.
_NICENESS = 10
# Who waits holds a connection, and strangers without number can be made to wait.
_PATIENCE_SECONDS = 10.0
_WORDS = (
    "abc admin administrator asdf asdfgh asdfghjkl baseball batman changeit changeme computer "
    "dragon football hello iloveyou letmein login lovely master monkey mustang myspace nimda "
    "passphrase password passwort princess qazwsx qazwsxedc querty qwerty qwertyuiop qwertz "
    "qwertzuiop root secret shadow starwars sunshine superman supersecret test testing trustno "
    "upload uploads welcome whatever yxcvbnm zxcvbn zxcvbnm correcthorsebatterystaple "
    "iloveyouforever letmeinplease mypassword newpassword passwordpassword thisisapassword "
    "thisismypassword welcomehome yourpassword"
)
_GUESSED_FIRST = frozenset(_WORDS.split())
_AS_WRITTEN: dict[int, int] = {}
_SIGNS_AS_LETTERS = str.maketrans("0134578@$!", "oieastbasi")


def check_password(password: str, email: str) -> None:
    """Return when the password may be used for this account; raise Invalid with the reason."""
    password = _normal(password)
    if not SHORTEST <= len(password) <= LONGEST:
        raise invalid("/password", f"The password must have {SHORTEST} to {LONGEST} characters.")
    folded = password.casefold()
    rest = folded.replace(email.casefold(), "").replace(email.casefold().split("@")[0], "")
    if len(rest) < _OWN_SHARE or email.casefold() in folded:
        raise invalid("/password", "The password is made of the email address. Choose another one.")
    if _is_guessed_first(folded):
        raise invalid(
            "/password", "This password is one of the first to be guessed. Choose another."
        )


def _is_guessed_first(folded: str) -> bool:
    """Few different signs, a run of neighbours, or a common word once or repeatedly.

    Digits and signs at both ends, and digits in place of letters, do not make a word uncommon.
    """
    if len(set(folded)) < 5 or _is_run(folded):
        return True
    trimmed = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", folded)
    spelled = {
        _squeezed(form.translate(table))
        for form in (folded, trimmed)
        for table in (_AS_WRITTEN, _SIGNS_AS_LETTERS)
    }
    return any(_unit(form) in _GUESSED_FIRST for form in spelled)


def _squeezed(text: str) -> str:
    return re.sub(r"[\W\d_]+", "", text)


def _is_run(text: str) -> bool:
    """Whether nearly every sign is the neighbour of the one before it: 123456789012, abcdefg…"""
    steps = [ord(after) - ord(before) for before, after in pairwise(text)]
    return sum(abs(step) <= 1 for step in steps) >= len(steps) - 2


def _unit(text: str) -> str:
    """The shortest piece that makes the text when it is repeated."""
    at = (text + text).find(text, 1)
    return text[:at] if text else text


def _normal(password: str) -> str:
    """One spelling for what looks the same, whatever keyboard wrote it (NIST: NFKC)."""
    return unicodedata.normalize("NFKC", password)


class Passwords:
    """Hashes and checks with argon2id; unknown accounts cost what known ones do.

    So many `at_once`; whoever waits for longer than `patience` seconds goes away unheard.
    """

    def __init__(
        self,
        hasher: PasswordHasher,
        at_once: int = _AT_ONCE,
        patience: float = _PATIENCE_SECONDS,
    ) -> None:
        self._hasher = hasher
        self._lane = Lane(at_once, _in_turn)
        self._patience = patience
        self._nobodys = _hash_of_nothing(hasher)

    def hash(self, password: str) -> str:
        """The hash to keep. Raises PasswordsBusy."""
        return self._do(lambda: self._hasher.hash(_encoded(password)))

    def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether the password belongs to the hash; None is an account that does not exist.

        Raises PasswordsBusy.
        """
        possible = password_hash is not None and len(password) <= 4 * LONGEST
        kept = password_hash if password_hash and possible else self._nobodys
        given = _encoded(password if possible else "")
        try:
            return self._do(lambda: self._hasher.verify(kept, given))
        except (VerificationError, InvalidHashError):
            return False

    def outdated(self, password_hash: str) -> bool:
        """Whether the hash was made with other parameters than those of today."""
        return self._hasher.check_needs_rehash(password_hash)

    def _do(self, act: Callable[[], T]) -> T:
        try:
            return self._lane.do(lambda _: act(), self._patience)
        except NoTurn as error:
            raise PasswordsBusy from error


def _in_turn(following: Callable[[int], list[Errand[Any]]]) -> None:
    """What a thread of the lane does. argon2's own threads are as nice as the one they come from.

    On Linux a thread has a niceness of its own (setpriority(2), "C library/kernel differences").
    """
    os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0) + _NICENESS)
    while errands := following(1):
        for errand in begun(errands):
            errand.run(None)


def _encoded(password: str) -> bytes:
    # A form can carry halves of surrogate pairs; they are as good as any other character.
    return _normal(password).encode("utf-8", "surrogatepass")


def _hash_of_nothing(hasher: PasswordHasher) -> str:
    """A well-formed hash with today's parameters that no password is known for."""
    salt, digest = (
        base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=")
        for size in (hasher.salt_len, hasher.hash_len)
    )
    costs = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${costs}${salt}${digest}"
