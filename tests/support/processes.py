"""Processes that stand still, as they do when their machine swaps: they hang, and nothing ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psutil

from tests.support.people import PATIENCE
from tests.support.stack import Stack
from tests.support.waiting import eventually
from uploads.documents.errors import RecordsUnavailable


@contextmanager
def worker_standing_still(stack: Stack) -> Iterator[None]:
    """The worker stands still, and has nothing in its hands that others wait for.

    A process that stops in the middle of a transaction keeps its locks.
    """
    worker = stack.named("celery")
    stack.rest()

    def stopped() -> bool:
        _suspend(worker)
        try:
            stack.services().records.write(lambda _: None)
        except RecordsUnavailable:
            _resume(worker)
            return False
        return True

    try:
        eventually(stopped, PATIENCE)
        yield
    finally:
        _resume(worker)


@contextmanager
def standing_still(processes: Sequence[psutil.Process]) -> Iterator[None]:
    """SIGSTOP to all of them, and SIGCONT in the end."""
    try:
        _suspend(processes)
        yield
    finally:
        _resume(processes)


def _suspend(processes: Sequence[psutil.Process]) -> None:
    for process in processes:
        process.suspend()


def _resume(processes: Sequence[psutil.Process]) -> None:
    for process in processes:
        process.resume()
