"""A database's user and password out of AWS Secrets Manager, where RDS changes them by itself.

The address then names the secret (`?password_secret=ARN`) and holds neither. Connections that are
open go on when the password changes; who opens one and is refused asks for a newer one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn, TypeVar

import psycopg
import structlog
from sqlalchemy.engine import URL

T = TypeVar("T")

_PARAMETER = "password_secret"
_log = structlog.get_logger(__name__)


def without_secret(url: URL) -> tuple[URL, SecretPassword | None]:
    """The address as the driver takes it, and the secret that it names, if any."""
    arn = url.query.get(_PARAMETER)
    if arn is None:
        return url, None
    return url.difference_update_query([_PARAMETER]), SecretPassword(str(arn))


@dataclass(frozen=True, slots=True)
class _SignIn:
    user: str
    password: str = field(repr=False)


class SecretPassword:
    """What the secret says, kept until the database refuses it.

    Nothing is locked: two threads, or greenlets, that ask at the same time are told the same.
    """

    def __init__(self, arn: str) -> None:
        self._arn = arn
        self._known: _SignIn | None = None

    def sign_in(self, connect: Callable[..., T]) -> T:
        """Call `connect` with `user` and `password`, again where there is a newer password.

        Raises psycopg.OperationalError, also where the secret cannot be had: no database then.
        """
        known = self._known or self._learn()
        try:
            return connect(user=known.user, password=known.password)
        except psycopg.OperationalError as error:
            if not _asked_for_password(error):
                raise
            newer = self._learn()
            if newer == known:
                raise
        _log.info("database_password_renewed")
        return connect(user=newer.user, password=newer.password)

    def _learn(self) -> _SignIn:
        self._known = _read(self._arn)
        return self._known


def _asked_for_password(error: psycopg.OperationalError) -> bool:
    """Whether the server was reached and wanted one. Its words may be of any language."""
    return error.pgconn is not None and error.pgconn.used_password


def _read(arn: str) -> _SignIn:
    """Ask for the secret (Secrets Manager `GetSecretValue`), in the region that its ARN names.

    By a client of its own, for it is done once in days and processes fork.
    """
    # Loaded only where there is a secret: it costs each process megabytes.
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    quickly = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 3})
    try:
        client = boto3.session.Session(region_name=arn.split(":")[3]).client(
            "secretsmanager", config=quickly
        )
        text = client.get_secret_value(SecretId=arn)["SecretString"]
    except ClientError as error:
        _unavailable(str(error.response.get("Error", {}).get("Code")))
    except BotoCoreError as error:
        _unavailable(type(error).__name__)
    try:
        found = json.loads(text)
        return _SignIn(str(found["username"]), str(found["password"]))
    except (ValueError, KeyError, TypeError):
        # Without its cause, which quotes the secret.
        _unavailable("it does not hold username and password")


def _unavailable(why: str) -> NoReturn:
    raise psycopg.OperationalError(f"the secret of the database's password: {why}") from None
