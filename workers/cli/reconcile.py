"""`uploads reconcile`: does everything fit together? Exit code 1 when anything is amiss."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import asdict
from datetime import timedelta

import click

from uploads import clock
from uploads.wiring import build
from workers.clearing import Clearing
from workers.cli.session import stack_settings
from workers.reconcile import Reconciler, Report, make_reconciler


@click.command()
@click.option("--check", is_flag=True, help="Look only; nothing is changed.")
@click.option("--yes", is_flag=True, help="Delete what is superfluous without being asked.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def reconcile(check: bool, yes: bool, as_json: bool) -> None:
    """Check that what is served was inspected, what came in settles, nothing is left over.

    Without --check, objects of the clean and the quarantine bucket that are in no row and older
    than a day are deleted after the grace time. Make sure first that this is the right database.
    """
    services = build(stack_settings())
    report = _run(make_reconciler(services), quiet=as_json)
    announced: Counter[str] = Counter()
    if not check:
        grace = timedelta(seconds=services.settings.grace_seconds)
        clearing = Clearing(services.records, clock.now, grace)
        places = clearing.old_enough(report)
        if places and (yes or _agreed(len(places))):
            announced = clearing.announce(places)
    _print(report, announced, as_json)
    sys.exit(0 if len(report.findings) == announced.total() else 1)


def _agreed(count: int) -> bool:
    return click.confirm(f"Delete {count} objects that no row names?", err=True)


def _run(reconciler: Reconciler, quiet: bool) -> Report:
    """With a counter on a terminal's standard error, since every served byte is read."""
    if quiet or not sys.stderr.isatty():
        return reconciler.check()
    seen = 0

    def progress(document: object) -> None:
        nonlocal seen
        seen += 1
        click.echo(f"\r{seen} documents", nl=False, err=True)

    report = reconciler.check(progress)
    click.echo(err=True)
    return report


def _print(report: Report, announced: Counter[str], as_json: bool) -> None:
    if as_json:
        said = {
            "ok": report.ok,
            "checked": report.checked,
            "findings": [asdict(finding) for finding in report.findings],
            "amiss": report.amiss_by_kind,
            "announced": announced,
        }
        click.echo(json.dumps(said))
        return
    for finding in report.findings:
        click.echo(f"{finding.invariant}: {finding.what}: {finding.subject}")
    for kind, count in report.amiss_by_kind.items():
        click.echo(f"{count} × {kind}")
    for bucket, count in announced.items():
        click.echo(f"To be deleted from {bucket} after the grace time: {count}.")
    looked = ", ".join(f"{count} {kind}" for kind, count in report.checked.items()) or "nothing"
    click.echo(f"{'All is well' if report.ok else 'AMISS'}. Looked at: {looked}.")
