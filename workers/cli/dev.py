"""`uploads dev`: the whole service on this machine, in the foreground."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

import click

from uploads.config import data_folder
from workers.embedded.part import ErrandFailed, StackError
from workers.embedded.run import run_stack
from workers.embedded.stack_env import given_settings


@click.command()
@click.option(
    "--port", type=click.IntRange(1, 65535), help="Port on 127.0.0.1.  [UPLOADS_PORT or 8000]"
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of all state.  [UPLOADS_DATA or .data]",
)
def dev(port: int | None, data: Path | None) -> None:
    """Start Redis, an S3 store, the web service and its worker; stop them all on Ctrl-C."""
    given = given_settings()
    try:
        run_stack(data or data_folder(), port or given.port, given, _say)
    except ErrandFailed:
        sys.exit(1)
    except StackError as error:
        raise click.ClickException(str(error)) from error


def _say(sentence: str) -> None:
    # What cannot be said, on a full disk or to a reader who left, ends no service.
    with suppress(OSError):
        click.echo(f"uploads: {sentence}")
