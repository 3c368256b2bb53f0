"""Secrets that the service itself must read again, encrypted where they are kept.

The key is made of the service's own secret, so a copy of the database alone shows none of them.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class Unreadable(Exception):
    """Raised when none of the service's secrets opens what was sealed."""


class Sealer:
    """Seals under the first of the service's secrets, opens what was sealed under any of them."""

    def __init__(self, secrets: Sequence[str], purpose: str) -> None:
        """`purpose` parts the keys: what is sealed for one is not opened for another."""
        self._keys = MultiFernet([Fernet(_key(secret, purpose)) for secret in secrets])

    def seal(self, text: str) -> str:
        return self._keys.encrypt(text.encode()).decode()

    def renew(self, sealed: str) -> str:
        """The same, sealed under the first secret. Raises Unreadable."""
        return self.seal(self.open(sealed))

    def open(self, sealed: str) -> str:
        """What was sealed. Raises Unreadable."""
        try:
            return self._keys.decrypt(sealed).decode()
        except InvalidToken as error:
            raise Unreadable("sealed under another UPLOADS_SECRET_KEY") from error


def _key(secret: str, purpose: str) -> bytes:
    derive = HKDF(SHA256(), length=32, salt=None, info=f"uploads.{purpose}".encode())
    return base64.urlsafe_b64encode(derive.derive(secret.encode()))
