"""The `uploads` command: the operator's hand on a running stack.

Commands are imported when they are called, so that each starts with what it needs and no more.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from workers.trouble import Trouble, spoken_plainly

_COMMANDS = ("dev", "doctor", "users", "keys", "quarantine", "reconcile", "db", "bootstrap")


class _Commands(click.Group):
    """A group whose commands are modules of this package, each with a command of its own name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command = getattr(import_module(f"workers.cli.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with spoken_plainly():
                return super().invoke(ctx)
        except Trouble as trouble:
            raise click.ClickException(str(trouble)) from trouble


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="uploads")
def main() -> None:
    """Run and look after the file upload service.

    Commands find the running stack by UPLOADS_DATA alone, from the environment or .env (default:
    .data).
    """
