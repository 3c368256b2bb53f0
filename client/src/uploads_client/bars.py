"""Bars on a terminal, by `rich`, and below them in words what is waited for."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rich.console import Console, RenderableType
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Column
from rich.text import Text

# What "123.4/567.8 MB" and "123.4 MB/s" take, with what is between the columns.
_NUMBERS, _SPEED = 16, 12
_WIDE = 60


class Bars(Progress):
    """A line for each thing, as wide as the terminal; `words` tells what else is to be said."""

    def __init__(self, words: Callable[[], str | None]) -> None:
        console = Console(stderr=True)
        self._words = words
        if console.width < _WIDE:
            columns = (_name(console.width - _NUMBERS), DownloadColumn())
            super().__init__(*columns, console=console, transient=True)
            return
        room = console.width - _NUMBERS - _SPEED
        bar = min(40, room // 2)
        super().__init__(
            *(_name(room - bar - 1), BarColumn(bar), DownloadColumn(), TransferSpeedColumn()),
            console=console,
            transient=True,
        )

    def get_renderables(self) -> Iterable[RenderableType]:
        """The lines, and what is to be said below them."""
        yield from super().get_renderables()
        if words := self._words():
            yield Text(words)


def _name(width: int) -> TextColumn:
    """What it is called: where there is little room it gives way, and the numbers stay."""
    column = Column(no_wrap=True, overflow="ellipsis", max_width=max(4, width))
    return TextColumn("{task.description}", markup=False, table_column=column)
