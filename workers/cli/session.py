"""What commands about accounts share: the running stack's accounts, and errors as sentences."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, Concatenate, ParamSpec

import click

from uploads.config import ConfigurationError, Settings
from uploads.security.accounts import Accounts
from workers.trouble import Trouble, spoken_plainly

P = ParamSpec("P")
# Who was given one of these has a service somewhere, if not the embedded stack.
_ELSEWHERE = {"database_url", "s3_endpoint", "s3_access_key", "s3_secret_key", "secret_key"}


def with_accounts(command: Callable[Concatenate[Accounts, P], None]) -> Callable[P, None]:
    """Hand a command the accounts; what goes wrong is one sentence on stderr and exit code 1."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            with spoken_plainly():
                command(_accounts(), *args, **kwargs)
        except Trouble as trouble:
            raise click.ClickException(str(trouble)) from trouble

    return run


def stack_settings() -> Settings:
    """The settings of the stack that this command is for.

    Raises ConfigurationError when there is none: nothing was given, and nothing ever started.
    """
    settings = Settings.load()
    if not (settings.data / "stack.env").exists() and not _ELSEWHERE & settings.model_fields_set:
        raise ConfigurationError(
            f"No stack was ever started on {settings.data.absolute()}: "
            "run `make run` first, or set UPLOADS_DATA."
        )
    return settings


def _accounts() -> Accounts:
    given = click.get_current_context().obj
    if isinstance(given, Accounts):
        return given
    # Imported late: `uploads users --help` needs no store and no queue.
    from uploads.wiring import build  # noqa: PLC0415

    return build(stack_settings()).accounts


def say(sentence: str) -> None:
    """Words for people, on stderr: stdout is for what a program reads."""
    click.echo(sentence, err=True)


def show_json(rows: list[dict[str, Any]] | dict[str, Any]) -> None:
    click.echo(json.dumps(rows, indent=2, ensure_ascii=False))


def moment(at: datetime | None) -> str | None:
    """RFC 3339 in UTC, to the second."""
    return None if at is None else at.strftime("%Y-%m-%dT%H:%M:%SZ")


def password_from_stdin() -> str:
    """The first line, without its line end and nothing else removed."""
    line = sys.stdin.buffer.readline().rstrip(b"\r\n")
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise click.ClickException("The password on standard input is not UTF-8 text.") from error
