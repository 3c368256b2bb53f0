"""What credentials look like: addresses, keys, digests, and the scopes that a role can give."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping

from uploads.documents.errors import Invalid
from uploads.documents.model import Role, Scope

SCOPES: Mapping[Role, frozenset[Scope]] = {
    Role.USER: frozenset({Scope.DOCUMENTS_READ, Scope.DOCUMENTS_WRITE}),
    Role.ADMIN: frozenset(Scope),
}
_LONGEST_EMAIL = 254
_LABEL = r"[^\W_]([\w-]*[^\W_])?"
# Anything before the sign but spaces, controls and what would need quotes (RFC 5322, 3.2.3).
_EMAIL = re.compile(rf"[^@\s\x00-\x20\x7f\"(),:;<>\[\\\]]{{1,64}}@{_LABEL}(\.{_LABEL})*")
_KEY = re.compile(r"upk\.([a-z0-9]{1,64})\.([A-Za-z0-9_-]{1,128})")


def spelled(untrusted_email: str) -> str:
    """An address in the one spelling of all; empty for what is longer than any.

    To compose text takes the square of the marks in a row: seconds for what a form may hold.
    """
    if len(untrusted_email) > 4 * _LONGEST_EMAIL:
        return ""
    return unicodedata.normalize("NFC", untrusted_email).strip().lower()


def normal_email(untrusted_email: str) -> str:
    """The one spelling of an address under which it is kept. Raises Invalid."""
    email = spelled(untrusted_email)
    if len(email) > _LONGEST_EMAIL or _EMAIL.fullmatch(email) is None:
        raise invalid("/email", "This is not an email address: write it like name@example.org.")
    return email


def key_text(key_id: str, secret: str) -> str:
    """A key as its owner sees it, once."""
    return f"upk.{key_id}.{secret}"


def read_key(untrusted_text: str) -> tuple[str, str] | None:
    """Id and secret of what has the form of a key."""
    match = _KEY.fullmatch(untrusted_text)
    return None if match is None else (match[1], match[2])


def digest(secret: str) -> str:
    """Lowercase hex SHA-256. Fit for 256 random bits; a password needs argon2id."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def invalid(pointer: str, sentence: str) -> Invalid:
    """One wrong member of what was handed in, and why it is wrong."""
    return Invalid(sentence, errors=[{"pointer": pointer, "detail": sentence}])
