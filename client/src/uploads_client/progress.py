"""A progress bar on a terminal, where `rich` is installed; nowhere else."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bar


class Shown:
    """One file on the terminal, or many: call it with the bytes that went, and the size."""

    def __init__(self, bar: Bar, name: str) -> None:
        self._bar = bar
        self._sending = bar.add_task(name, total=None)
        self._reading = bar.add_task(f"{name} (reading)", total=None, visible=False)

    def __call__(self, done: int, total: int | None) -> None:
        self._bar.update(self._sending, completed=done, total=total)

    def name(self, name: str) -> None:
        """Call it so from now on."""
        self._bar.update(self._sending, description=name)

    def reading(self, done: int, total: int | None) -> None:
        """Likewise of bytes that are read before anything is sent; its line is there until then."""
        over = done == total
        self._bar.update(self._reading, completed=done, total=total, visible=not over)
        self._bar.update(self._sending, visible=over)


@contextmanager
def bar(name: str, wanted: bool) -> Iterator[Shown | None]:
    """What to call with the bytes that were sent and the size; None where nothing is shown."""
    if not wanted or not sys.stderr.isatty():
        yield None
        return
    try:
        from rich.console import Console
        from rich.markup import escape
        from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn
        from rich.progress import Progress as Bar
    except ImportError:
        _say_what_is_missing()
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    shown = escape("".join(one if one.isprintable() else "?" for one in name))
    with Bar(*columns, TransferSpeedColumn(), console=Console(stderr=True), transient=True) as made:
        yield Shown(made, shown)


@cache
def _say_what_is_missing() -> None:
    print("uploads-client: for a progress bar: pip install 'uploads-client[cli]'", file=sys.stderr)
