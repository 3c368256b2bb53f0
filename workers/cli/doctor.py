"""`uploads doctor`: is everything there, does it do what it should, and what if not?"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict

import click

from uploads.config import ConfigurationError, Settings
from workers.cli.session import show_json, stack_settings
from workers.doctor import store
from workers.doctor.checkup import Look, examine, said
from workers.doctor.findings import Finding, State, exit_code
from workers.doctor.rounds import all_looks, store_looks

_COLORS = {State.OK: "green", State.GAP: "cyan", State.DEGRADED: "yellow", State.BROKEN: "red"}
_ENDINGS = {0: "All is well", 1: "Something is DEGRADED", 2: "Something is BROKEN"}


@click.command()
@click.option("--store", "store_only", is_flag=True, help="The store alone, before anything else.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def doctor(store_only: bool, as_json: bool) -> None:
    """Try every part as the service uses it, and say what each can do.

    Objects, keys and files of its own are removed again. Exit code: 0 all is well (a gap is what
    the service does without), 1 something is degraded, 2 something is broken, the configuration
    and the command line included.
    """
    shown = not as_json
    findings: list[Finding] = []
    for finding in _findings(store_only, progress=shown and sys.stderr.isatty()):
        findings.append(finding)
        if shown:
            show(finding)
    code = exit_code(findings)
    if as_json:
        show_json(_summary(findings, code))
    else:
        click.echo(f"{_ENDINGS[code]}. Looked at {len(findings)} things.")
    sys.exit(code)


def _findings(store_only: bool, *, progress: bool) -> Iterator[Finding]:
    try:
        looks = store_looks(_for_store()) if store_only else all_looks(_for_all())
    except (ConfigurationError, ValueError) as error:
        follows = "nothing starts with these settings"
        yield Finding("configuration", "settings", State.BROKEN, said(error), follows)
        return
    yield Finding("configuration", "settings", State.OK, "are whole")
    of_store = []
    for finding in examine(looks, _tell if progress else lambda _: None):
        if progress:
            click.echo("\r\x1b[K", nl=False, err=True)
        yield finding
        of_store.append(finding)
    yield store.grants(of_store)


def _for_all() -> Settings:
    return stack_settings().require_parts()


def _for_store() -> Settings:
    """Settings of which only the store's need be there. Raises ConfigurationError."""
    settings = Settings.load()
    keys = settings.s3_keys == "role" or all(settings.store_keys)
    if not (settings.s3_endpoint and keys):
        raise ConfigurationError(
            "UPLOADS_S3_ENDPOINT, and UPLOADS_S3_ACCESS_KEY and UPLOADS_S3_SECRET_KEY "
            "or UPLOADS_S3_KEYS=role, are needed"
        )
    return settings


def _tell(look: Look) -> None:
    click.echo(f"\r\x1b[K{look.part}: {look.name} …", nl=False, err=True)


def show(finding: Finding) -> None:
    """One line of the table, and a second one for what follows."""
    state = click.style(f"{finding.state:<9}", fg=_COLORS[finding.state])
    click.echo(f"{state} {finding.part:<14} {finding.name:<18} {finding.found}")
    if finding.follows:
        click.echo(f"{'':<44} → {finding.follows}")


def _summary(findings: Sequence[Finding], code: int) -> dict[str, object]:
    offered = any(one.name == store.GRANTS and one.state is State.OK for one in findings)
    status = ("ok", "degraded", "broken")[code]
    return {"status": status, "grants": offered, "findings": [asdict(one) for one in findings]}
