"""What can go wrong with a cell, told apart by whose fault it is."""

from __future__ import annotations

from workers.sandbox.answer import Usage


class CellFailure(Exception):
    """Base of what can go wrong with a cell; `log` is for the log only, never for people.

    `usage` is what the child had taken by then, and `number` says which of its files it was.
    """

    number = 1

    def __init__(self, sentence: str, log: str = "", usage: Usage | None = None) -> None:
        super().__init__(sentence)
        self.log = log
        self.usage = usage or Usage()


class CellTimeout(CellFailure):
    """Raised when a file took the child longer than it may."""


class CellSlow(CellTimeout):
    """Raised when that was by the clock, before its processor time was used up.

    On a busy machine it is no word about the file.
    """


class CellCrashed(CellFailure):
    """Raised when the child died over a file or broke the reply's form."""


class CellBroken(CellCrashed):
    """Raised when the child ended before it touched the file: ours to repair, not the file's."""


class CellKilled(CellFailure):
    """Raised when somebody else killed the child: the kernel, short of memory, or an operator.

    That is no word about the file. But a file may be the reason, so the start stays counted.
    """


class CellOpen(CellFailure):
    """Raised by the self-test when the cell does not hold; the worker must not start."""
