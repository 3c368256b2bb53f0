"""`uploads bootstrap`: what must be there before the service starts for the first time.

It may run at every start and by several at once: what is there already is left as it is.
"""

from __future__ import annotations

from pathlib import Path

import click

from uploads import clock
from uploads.config import Settings
from uploads.documents.errors import Conflict
from uploads.documents.model import Role
from uploads.records import migrate
from uploads.security.accounts import Accounts
from uploads.storage.boto import make_client
from uploads.storage.buckets import let_browsers_put, make_buckets
from uploads.wiring import Services, build
from workers.cli.doctor import show
from workers.cli.session import say, stack_settings
from workers.doctor.checkup import examine
from workers.doctor.findings import State
from workers.doctor.rounds import store_looks
from workers.proving import Prover

_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--administrator", metavar="EMAIL", help="Who administers, where nobody does yet.")
@click.option(
    "--password-file", type=_file, help="The administrator's first password, on its first line."
)
@click.option(
    "--store-keys-file",
    type=_file,
    help="Access key and secret key, a line each, of one who may make buckets; else the service's.",
)
@click.option("--no-store", is_flag=True, help="Leave the store alone: others made its buckets.")
def bootstrap(
    administrator: str | None,
    password_file: Path | None,
    store_keys_file: Path | None,
    no_store: bool,
) -> None:
    """Make the database's schema, the buckets, their CORS rule and the first administrator.

    Changes nothing that is there already, so it may run before each start. Tries the store as
    `uploads doctor --store` does: one that does not hold clients to what is signed is given no
    signed URLs, and everything else goes on.
    """
    if (administrator is None) != (password_file is None):
        raise click.UsageError("--administrator and --password-file go together.")
    settings = stack_settings().require_parts()
    changed = migrate.upgrade(settings.database_url)
    say("Schema: brought up to date." if changed else "Schema: up to date.")
    if not no_store:
        _prepare_store(settings, store_keys_file)
    services = build(settings)
    if administrator and password_file:
        _make_administrator(services.accounts, administrator, _lines(password_file, 1)[0])
    if not no_store:
        _prove_store(services)


def _prepare_store(settings: Settings, keys_file: Path | None) -> None:
    access, secret = _lines(keys_file, 2) if keys_file else settings.store_keys
    client = make_client(settings.s3_endpoint, settings.s3_region, access, secret)
    made = make_buckets(client, settings.s3_bucket_prefix, settings.s3_region)
    say(f"Buckets: made {', '.join(made)}." if made else "Buckets: all there.")
    origins = [settings.public_url, *settings.cors_origins]
    kept = let_browsers_put(client, settings.s3_bucket_prefix, origins)
    say(
        f"CORS: pages of {', '.join(origins)} may put into incoming."
        if kept
        else "CORS: this store keeps no rules; programs need none."
    )


def _prove_store(services: Services) -> None:
    """Print the doctor's table of the store, and write down whether it may be signed for.

    With the service's own keys: those of this command may do what the service may not.
    """
    findings = []
    for finding in examine(store_looks(services.settings), lambda _: None):
        show(finding)
        findings.append(finding)
    prover = Prover(settings=services.settings, records=services.records, clock=clock.now)
    outcome = prover.record(findings)
    show(outcome)
    if outcome.state is State.OK:
        say("Signed URLs: the store is proved, clients may be given them.")
    elif outcome.tried:
        say(
            "Signed URLs: REFUSED. This store does not hold clients to what is signed, or refuses "
            "the service's own keys: the table says which. In the first case everything else "
            "works; workers try it again every ten minutes."
        )
    else:
        say(
            "Signed URLs: refused, unless an earlier proof still counts: the store could not be "
            "tried (see the table). Workers try it again every ten minutes."
        )


def _make_administrator(accounts: Accounts, email: str, password: str) -> None:
    if accounts.list_users():
        say("Administrator: there are users already.")
        return
    try:
        accounts.create_user(email, password, Role.ADMIN)
    except Conflict:
        say("Administrator: made by another one meanwhile.")
        return
    say(f"Administrator: {email}; the password is in the file.")


def _lines(file: Path, count: int) -> list[str]:
    """Its first lines, which must be there."""
    found = file.read_text().split("\n")[:count]
    if len(found) < count or not all(line.strip() for line in found):
        raise click.ClickException(f"{file} does not have {count} line(s) of text.")
    return [line.strip() for line in found]
