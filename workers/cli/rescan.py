"""`uploads rescan`: have the workers look anew at what is clean.

They do so by themselves when signatures or rules have changed; this is for an operator who doubts.
"""

from __future__ import annotations

from datetime import UTC, datetime

import click

from uploads import clock
from uploads.config import ConfigurationError
from uploads.documents.model import AuditEntry
from uploads.records.protocol import Work
from uploads.security.keys import OPERATOR
from uploads.wiring import build
from workers.cli.session import moment, say, show_json, stack_settings

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class _Moment(click.ParamType[datetime]):
    """RFC 3339, with the offset that says which moment is meant; or a day, which begins in UTC."""

    name = "time"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a time like 2026-11-19T08:00:00Z, nor a day", param, ctx)
        if "T" not in value and " " not in value:
            found = found.replace(tzinfo=UTC)
        if found.tzinfo is None:
            self.fail(f"{value!r} does not say in which zone: end it with Z for UTC", param, ctx)
        if found > clock.now():
            self.fail(f"{value!r} is still to come", param, ctx)
        return found.astimezone(UTC)


@click.command()
@click.option("--all", "everything", is_flag=True, help="Every clean file.")
@click.option("--since", type=_Moment(), help="Those that were last inspected since then.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def rescan(everything: bool, since: datetime | None, as_json: bool) -> None:
    """Have clean files inspected anew, the riskiest types and the newest of them first.

    They stay served meanwhile, and new files go before them. Says how many there are; what becomes
    of them is told like any other verdict. Exit code 1 where it cannot be asked for.
    """
    if everything == (since is not None):
        raise click.UsageError("Give either --all or --since.")
    settings = stack_settings().require_parts()
    if not settings.rescans:
        raise ConfigurationError("UPLOADS_RESCANS is 0: no worker looks at anything anew.")
    services = build(settings)
    count = services.records.write(lambda work: _ask(work, since or _BEGINNING))
    services.hints.sweep()
    if as_json:
        show_json({"documents": count, "since": moment(since)})
    else:
        click.echo(f"{count} clean files will be inspected anew.")
        say('uploads_jobs_waiting{kind="rescan"} of /metrics tells when it is done.')


def _ask(work: Work, since: datetime) -> int:
    count = work.inspections.distrust(since)
    detail = {"since": moment(since), "documents": count}
    work.audit.append(AuditEntry(clock.now(), OPERATOR, "rescan.asked", "documents", detail))
    return count
