"""The `uploads` command: the operator's hand on a running stack.

Commands are imported when they are called, so that each starts with what it needs and no more.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from uploads import logs
from uploads.config import ConfigurationError, Settings
from workers.trouble import Trouble, spoken_plainly

_COMMANDS = (
    *("dev", "doctor", "canary", "users", "keys", "quarantine", "rescan", "reconcile", "db"),
    "bootstrap",
)


class _Commands(click.Group):
    """A group whose commands are modules of this package, each with a command of its own name."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """As a program: what is logged goes to stderr in lines of JSON, stdout is the result's."""
        logs.configure(_log_level(), "command")
        return super().__call__(*args, **kwargs)

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


def _log_level() -> str:
    """Of settings that are none the commands speak themselves."""
    try:
        return Settings.load().log_level
    except ConfigurationError:
        return "info"


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="uploads")
def main() -> None:
    """Run and look after the file upload service.

    Commands find the running stack by UPLOADS_DATA alone, from the environment or .env (default:
    .data).
    """
