"""`uploads users quota`: how much one user may keep."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any

import click

from uploads.security.keys import OPERATOR
from uploads.wiring import build
from workers.cli.session import say, show_json, stack_settings

_UNITS = {"": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, "TiB": 1024**4}
_WORDS = {"default": None, "unlimited": 0}
_MOST = 2**62


class Amount(click.ParamType[tuple[int | None]]):
    """A whole number with or without a binary unit, `default` or `unlimited`."""

    name = "amount"

    def __init__(self, *units: str) -> None:
        self._units = {"": 1, **{unit: _UNITS[unit] for unit in units}}

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int | None]:
        """The limit in a tuple, because None is a value here: the service's own limit."""
        if value in _WORDS:
            return (_WORDS[value],)
        found = re.fullmatch(r"([0-9]{1,19}) ?([A-Za-z]*)", value)
        if found is None or found[2] not in self._units or not 0 < self._amount(found) <= _MOST:
            units = [f"5{unit}" for unit in self._units][:4]
            self.fail(f"{value!r} is none of {', '.join(units)}, default, unlimited.", param, ctx)
        return (self._amount(found),)

    def _amount(self, found: re.Match[str]) -> int:
        return int(found[1]) * self._units[found[2]]


@click.command()
@click.argument("email")
@click.option(
    "--bytes", "bytes_limit", type=Amount("MiB", "GiB", "TiB"), help="50GiB, default, unlimited."
)
@click.option("--files", "files_limit", type=Amount(), help="20000, default, unlimited.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def quota(
    email: str,
    bytes_limit: tuple[int | None] | None,
    files_limit: tuple[int | None] | None,
    as_json: bool,
) -> None:
    """Show how much EMAIL uses and may keep; set what is given, at once."""
    services = build(stack_settings())
    user = services.accounts.user(email)
    if bytes_limit or files_limit:
        own = services.quotas.own_limits(user.id)
        services.quotas.set_limits(
            user.id, *(bytes_limit or own[:1]), *(files_limit or own[1:]), by=OPERATOR
        )
        say(f"Set the quota of {user.email}.")
    found = services.quotas.of(user.id)
    if as_json:
        show_json([{"email": user.email, **asdict(found)}])
        return
    click.echo(_line("bytes", found.bytes_used, found.bytes_limit))
    click.echo(_line("files", found.files_used, found.files_limit))


def _line(unit: str, used: int, limit: int | None) -> str:
    most = "no limit" if limit is None else f"at most {limit:,}"
    return f"{used:,} {unit}, {most}"
