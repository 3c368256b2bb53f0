"""`uploads canary`: let every engine prove itself now, as a worker of this machine does."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import click

from uploads.wiring import build
from workers.cli.session import moment, show_json, stack_settings
from workers.trouble import Trouble


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def canary(as_json: bool) -> None:
    """Show each engine a virus and a harmless file, and the scanner how far it must read.

    The result is written down like that of a worker on this machine: an engine that passes the
    virus is not believed any more, and what became clean since it last proved itself is withdrawn.
    Exit code 1 when one of them failed or does not answer.
    """
    found = _sung()
    if as_json:
        show_json({"ok": all(one["ok"] for one in found), "engines": found})
    else:
        for one in found:
            told = "proved" if one["ok"] else one["fault"]
            seen = [str(one[name]) for name in ("version", "signatures") if one[name]]
            click.echo(f"{one['engine']:<10} {told}  {'  '.join(seen)}".rstrip())
    sys.exit(0 if all(one["ok"] for one in found) else 1)


def _sung() -> list[dict[str, Any]]:
    """Imported late, for only workers have parsers. Raises Trouble where there are none."""
    try:
        runtime, lineups = import_module("workers.runtime"), import_module("workers.lineup")
        scratches = import_module("workers.scratch")
        rulebook = import_module("workers.inspection.rulebook")
    except ModuleNotFoundError as error:
        raise Trouble(f"{error.name} is not installed here: run this where workers run.") from error
    services = build(stack_settings().require_parts())
    scratch = scratches.Scratch(services.settings.scratch_dir, services.disk.check)
    cell = runtime.make_cell(services.settings)
    try:
        lineup = lineups.make_lineup(services, scratch, cell)
        lineup.prepare()
        faults: dict[str, str] = lineup.canaries.try_all()
        last = lineup.standing.last()
    except rulebook.RulesBroken as error:
        raise Trouble(f"{error}; until then nothing is inspected.") from error
    finally:
        cell.close()
    return [_told(name, fault, last.get(name)) for name, fault in sorted(faults.items())]


def _told(name: str, fault: str, last: Any) -> dict[str, Any]:
    """What was written down is of an earlier time where an engine did not answer."""
    return {
        "engine": name,
        "ok": not fault,
        "fault": fault or None,
        "version": last.version if last else None,
        "signatures": last.signatures if last else None,
        "reads_bytes": last.reach if last else None,
        "proved_at": moment(last.good_at) if last else None,
    }
