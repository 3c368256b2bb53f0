"""`uploads keys`: what programs identify themselves with."""

from __future__ import annotations

from datetime import timedelta

import click

from uploads import clock
from uploads.documents.model import Scope
from uploads.security.accounts import Accounts
from workers.cli.session import moment, say, show_json, with_accounts


@click.group()
def keys() -> None:
    """Create, list and revoke API keys."""


@keys.command()
@click.option("--user", "email", required=True, metavar="EMAIL", help="Whose key it is.")
@click.option("--name", default="cli", show_default=True, help="What it is for.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice([scope.value for scope in Scope]),
    help="What it may do; repeat for more.",
)
@click.option(
    "--expires-in", "days", type=click.IntRange(1, 36500), metavar="DAYS", help="When it ends."
)
@with_accounts
def create(
    accounts: Accounts, email: str, name: str, scopes: tuple[str, ...], days: int | None
) -> None:
    """Create a key; its text stands alone on the last line and is never shown again."""
    user = accounts.user(email)
    ends = None if days is None else clock.now() + timedelta(days=days)
    wanted = [Scope(value) for value in scopes]
    key, text = accounts.create_key(user.id, name, wanted, expires_at=ends)
    say(f"Created the key {key.id} of {user.email}. Its text, shown this once:")
    click.echo(text)


@keys.command("list")
@click.option("--user", "email", metavar="EMAIL", help="Only this user's.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
@with_accounts
def list_keys(accounts: Accounts, email: str | None, as_json: bool) -> None:
    """List keys, oldest first; never their secrets."""
    found = accounts.list_keys(email)
    emails = {user.id: user.email for user in accounts.list_users()}
    rows = [
        {
            "id": key.id,
            "user": emails[key.user_id],
            "name": key.name,
            "scopes": sorted(scope.value for scope in key.scopes),
            "created_at": moment(key.created_at),
            "last_used_at": moment(key.last_used_at),
            "expires_at": moment(key.expires_at),
            "revoked_at": moment(key.revoked_at),
        }
        for key in found
    ]
    if as_json:
        show_json(rows)
        return
    for row, key in zip(rows, found, strict=True):
        used = f"used {row['last_used_at']}" if key.last_used_at else "never used"
        if key.expires_at:
            used += f"  ends {row['expires_at']}"
        ended = f"  revoked {row['revoked_at']}" if key.revoked_at else ""
        scopes = ",".join(sorted(key.scopes))
        click.echo(f"{key.id}  {row['user']}  {key.name}  {scopes}  {used}{ended}")


@keys.command()
@click.argument("key_id", metavar="ID")
@with_accounts
def revoke(accounts: Accounts, key_id: str) -> None:
    """Refuse the key ID from now on."""
    accounts.revoke_key(key_id)
    say(f"Revoked the key {key_id}.")
