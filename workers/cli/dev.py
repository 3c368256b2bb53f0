"""`uploads dev`: the whole service on this machine, in the foreground."""

from __future__ import annotations

from pathlib import Path

import click

from workers.embedded.part import StackError
from workers.embedded.run import run_stack
from workers.embedded.stack_env import given_settings


@click.command()
@click.option(
    "--port", type=click.IntRange(1, 65535), help="Port on 127.0.0.1.  [UPLOADS_PORT or 8000]"
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="UPLOADS_DATA",
    default=".data",
    show_default=True,
    show_envvar=True,
    help="Folder of all state.",
)
def dev(port: int | None, data: Path) -> None:
    """Start Redis, an S3 store, the web service and its worker; stop them all on Ctrl-C."""
    given = given_settings()
    try:
        run_stack(data, port or given.port, given, _say)
    except StackError as error:
        raise click.ClickException(str(error)) from error


def _say(sentence: str) -> None:
    click.echo(f"uploads: {sentence}")
