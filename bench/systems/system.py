"""What every system that is measured can do: be started, be given uploads, be weighed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.load.upload import Upload


def _nothing() -> None:
    return None


def _all_settled(seconds: float) -> dict[str, int]:
    del seconds
    return {}


def takes_none(door: str, number: int, size: int) -> Upload:
    """The upload of what is no server. Raises TypeError: only other work may be asked of it."""
    raise TypeError(f"no file can be sent to it: {door}, {number}, {size} bytes")


@dataclass(frozen=True, slots=True)
class Transfer:
    """What `python -m bench.load.transfer` is told before the file's path, and its environment."""

    words: tuple[str, ...]
    env: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Running:
    """A started system.

    `trees` are process ids by what they are: `web` (the server that clients speak to, absent where
    that is the store itself), `store`, `rest`. `upload(door, number, size)` makes one upload,
    of as many files as the door has `together`.
    `kept` is the folder where what was sent must be found afterwards.
    """

    port: int
    trees: dict[str, list[int]]
    upload: Callable[[str, int, int], Upload]
    kept: Path
    pause: Callable[[], None] = _nothing
    """Stops work that is not intake; called after the warm-up, before anything is measured."""
    settle: Callable[[float], dict[str, int]] = _all_settled
    """Lets that work go on, waits for its end, and says how many files ended in which state."""
    transfer: Transfer | None = None
    """How its own library sends one large file, where it has one."""
    draw: Callable[[str, Sequence[Path]], list[int]] | None = None
    """Makes a picture of each file, by a door; the bytes of each picture."""
    post: Callable[[Path], Upload] | None = None
    """Makes the upload of a file, where uploads are inspected."""
    scan: Callable[[Path], None] | None = None
    """Has ClamAV look at a file; raises unless it is clean."""
    fill: Callable[[int], None] | None = None
    """Gives it a library of so many documents, where it has one."""


def together(door: str) -> int:
    """How many files are one upload by this door: what stands behind its ×."""
    return int(door.partition(" × ")[2] or 1)


class System(Protocol):
    """One of the systems. `settings` says how it is configured, for the reader of the table."""

    @property
    def name(self) -> str: ...

    @property
    def doors(self) -> tuple[str, ...]:
        """Through which it takes files; none where it is measured with grants alone."""

    @property
    def settings(self) -> str: ...

    def start(self, folder: Path) -> AbstractContextManager[Running]:
        """Start it afresh with all its data in an empty folder."""
