"""`uploads db`: the database's schema."""

from __future__ import annotations

import click

from uploads.records import migrate
from workers.cli.session import stack_settings


@click.group()
def db() -> None:
    """Bring the database's schema up to date."""


@db.command()
def upgrade() -> None:
    """Apply the migrations that are missing; nothing when there are none."""
    changed = migrate.upgrade(stack_settings().database_url)
    click.echo("The schema was brought up to date." if changed else "The schema is up to date.")


@db.command()
def check() -> None:
    """Exit with 1 when a migration is missing."""
    if migrate.needs_upgrade(stack_settings().database_url):
        raise click.ClickException("The schema is outdated: run `uploads db upgrade`.")
    click.echo("The schema is up to date.")
