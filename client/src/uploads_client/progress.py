"""A progress bar on a terminal, where `rich` is installed; nowhere else."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from uploads_client.sources import Progress


@contextmanager
def bar(name: str, wanted: bool) -> Iterator[Progress | None]:
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
        task = made.add_task(shown, total=None)
        yield lambda sent, total: made.update(task, completed=sent, total=total)


@cache
def _say_what_is_missing() -> None:
    print("uploads-client: for a progress bar: pip install 'uploads-client[cli]'", file=sys.stderr)
