"""Whose keys requests to the store are signed with: fixed ones, or those of a role.

A platform (ECS, EC2) gives a process the keys of its role for some hours, with a token that goes
into each signature, and new ones before they end; botocore knows where to ask and when.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from uploads.documents.errors import StorageUnavailable


class Keys(NamedTuple):
    """An access key, its secret, and the token of keys that end; of lasting ones it is empty."""

    access_key: str
    secret_key: str
    token: str = ""


KeySource = Callable[[], Keys]


def fixed(access_key: str, secret_key: str) -> KeySource:
    keys = Keys(access_key, secret_key)
    return lambda: keys


def of_role() -> KeySource:
    """The keys of this process's role, renewed in time.

    What is returned raises StorageUnavailable where the platform gives none.
    """
    import boto3  # noqa: PLC0415  most have keys of their own, and it takes long to load
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415

    session = boto3.Session()

    def current() -> Keys:
        try:
            found = session.get_credentials()
            if found is None:
                raise StorageUnavailable("the platform gives this process no role")
            held = found.get_frozen_credentials()
        except BotoCoreError as error:
            raise StorageUnavailable(type(error).__name__) from error
        return Keys(str(held.access_key), str(held.secret_key), held.token or "")

    return current
