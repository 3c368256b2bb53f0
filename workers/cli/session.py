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
from uploads.documents.errors import UploadsError
from uploads.security.accounts import Accounts

P = ParamSpec("P")


def with_accounts(command: Callable[Concatenate[Accounts, P], None]) -> Callable[P, None]:
    """Hand a command the accounts; what goes wrong is one sentence on stderr and exit code 1."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(_accounts(), *args, **kwargs)
        except UploadsError as error:
            raise click.ClickException(error.public) from error
        except ConfigurationError as error:
            raise click.ClickException(str(error)) from error

    return run


def _accounts() -> Accounts:
    given = click.get_current_context().obj
    if isinstance(given, Accounts):
        return given
    # Imported late: `uploads users --help` needs no store and no queue.
    from uploads.wiring import build  # noqa: PLC0415

    return build(Settings.load()).accounts


def say(sentence: str) -> None:
    """Words for people, on stderr: stdout is for what a program reads."""
    click.echo(sentence, err=True)


def show_json(rows: list[dict[str, Any]]) -> None:
    click.echo(json.dumps(rows, indent=2, ensure_ascii=False))


def moment(at: datetime | None) -> str | None:
    """RFC 3339 in UTC, to the second."""
    return None if at is None else at.strftime("%Y-%m-%dT%H:%M:%SZ")


def password_from_stdin() -> str:
    """The first line, without its line end and nothing else removed."""
    return sys.stdin.readline().rstrip("\r\n")
