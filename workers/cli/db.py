"""`uploads db`: the database's schema, and what is sealed in it."""

from __future__ import annotations

import click

from uploads import outgoing
from uploads.records import migrate
from uploads.records.sql import SqlRecords
from workers.cli.session import stack_settings
from workers.resealing import reseal as renew_seals


@click.group()
def db() -> None:
    """Look after the database: its schema, and the secrets sealed in it."""


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


@db.command()
def reseal() -> None:
    """Seal webhooks' secrets under UPLOADS_SECRET_KEY, so that an earlier key can be forgotten.

    Exit code 1 when one of them opens under no key that is given: its owner must replace it.
    """
    settings = stack_settings().require_parts()
    records = SqlRecords(settings.database_url)
    try:
        report = renew_seals(records, outgoing.sealer(settings))
    finally:
        records.close()
    click.echo(f"{report.renewed} secrets of webhooks are sealed under UPLOADS_SECRET_KEY.")
    if report.unreadable:
        raise click.ClickException(
            "No key opens a secret of: " + ", ".join(report.unreadable) + ". Give the key in "
            "UPLOADS_SECRET_KEYS_OLD, or have the owners rotate the secrets."
        )
