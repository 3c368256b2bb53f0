"""`uploads reconcile`: does everything fit together? Exit code 1 when anything is amiss."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click

from uploads.wiring import build
from workers.cli.session import stack_settings
from workers.reconcile import Reconciler, Report, make_reconciler


@click.command()
@click.option("--check", is_flag=True, required=True, help="Look only; nothing is changed.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def reconcile(check: bool, as_json: bool) -> None:
    """Check that what is served was inspected, what came in settles, nothing is left over."""
    assert check
    report = _run(make_reconciler(build(stack_settings())), quiet=as_json)
    _print(report, as_json)
    sys.exit(0 if report.ok else 1)


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


def _print(report: Report, as_json: bool) -> None:
    if as_json:
        found = [asdict(finding) for finding in report.findings]
        click.echo(json.dumps({"ok": report.ok, "checked": report.checked, "findings": found}))
        return
    for finding in report.findings:
        click.echo(f"{finding.invariant}: {finding.what}: {finding.subject}")
    looked = ", ".join(f"{count} {kind}" for kind, count in report.checked.items()) or "nothing"
    click.echo(f"{'All is well' if report.ok else 'AMISS'}. Looked at: {looked}.")
