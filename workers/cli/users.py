"""`uploads users`: who may sign in."""

from __future__ import annotations

import click

from uploads.clock import new_token
from uploads.documents.model import Role
from uploads.security.accounts import Accounts
from workers.cli.quotas import quota
from workers.cli.session import moment, password_from_stdin, say, show_json, with_accounts

_password_stdin = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input, one line."
)


@click.group()
def users() -> None:
    """Create, list, disable and enable users, reset their passwords, set their quotas."""


users.add_command(quota)


@users.command()
@click.argument("email")
@click.option("--admin", is_flag=True, help="Make the user an administrator.")
@_password_stdin
@with_accounts
def create(accounts: Accounts, email: str, admin: bool, password_stdin: bool) -> None:
    """Create the user EMAIL.

    Without --password-stdin, a password is generated and printed alone on the last line.
    """
    password = password_from_stdin() if password_stdin else new_token()
    user = accounts.create_user(email, password, Role.ADMIN if admin else Role.USER)
    say(f"Created the {'administrator' if admin else 'user'} {user.email}.")
    if not password_stdin:
        _show_once(password)


@users.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
@with_accounts
def list_users(accounts: Accounts, as_json: bool) -> None:
    """List all users, oldest first."""
    found = accounts.list_users()
    if as_json:
        show_json(
            [
                {
                    "id": user.id,
                    "email": user.email,
                    "role": user.role.value,
                    "created_at": moment(user.created_at),
                    "disabled_at": moment(user.disabled_at),
                }
                for user in found
            ]
        )
        return
    for user in found:
        ended = f"  disabled {moment(user.disabled_at)}" if user.disabled_at else ""
        click.echo(f"{user.email}  {user.role.value}  since {moment(user.created_at)}{ended}")


@users.command()
@click.argument("email")
@click.option("--force", is_flag=True, help="Also the last administrator who can sign in.")
@with_accounts
def disable(accounts: Accounts, email: str, force: bool) -> None:
    """Lock EMAIL out at once: sessions end, keys are refused, links and webhooks rest."""
    if not force and _is_last_administrator(accounts, email):
        raise click.ClickException(
            f"{email} is the only administrator who can sign in: make another one first "
            "(`uploads users create EMAIL --admin`), or repeat this with --force."
        )
    say(f"Disabled {accounts.disable(email).email}; all sessions are ended.")


@users.command()
@click.argument("email")
@with_accounts
def enable(accounts: Accounts, email: str) -> None:
    """Let EMAIL in again."""
    say(f"Enabled {accounts.enable(email).email}.")


@users.command("reset-password")
@click.argument("email")
@_password_stdin
@with_accounts
def reset_password(accounts: Accounts, email: str, password_stdin: bool) -> None:
    """Give EMAIL a new password and end all sessions; API keys stay as they are.

    Without --password-stdin, a password is generated and printed alone on the last line.
    """
    password = password_from_stdin() if password_stdin else new_token()
    user = accounts.reset_password(email, password)
    say(f"Reset the password of {user.email}; all sessions are ended.")
    if not password_stdin:
        _show_once(password)


def _is_last_administrator(accounts: Accounts, email: str) -> bool:
    enabled = [
        user.id
        for user in accounts.list_users()
        if user.role is Role.ADMIN and user.disabled_at is None
    ]
    return enabled == [accounts.user(email).id]


def _show_once(password: str) -> None:
    say("The password, shown this once:")
    click.echo(password)
