"""Runs clients in processes of their own, so that measuring does not disturb them.

One process is for the crowd, one for whoever uploads beside it.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager

from bench.load import clients, program
from bench.load.outcome import Outcome
from bench.load.plan import Plan
from bench.load.upload import Upload
from uploads.lifeline import die_with_parent


class Load:
    """Starts plans in the other processes."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def begin(self, plan: Plan, uploads: Iterable[Upload]) -> Future[Outcome]:
        """Start a plan; its outcome comes later."""
        run = program.run if plan.program else clients.run
        return self._pool.submit(run, plan, list(uploads))

    def run(self, plan: Plan, uploads: Iterable[Upload]) -> Outcome:
        """Run a plan to its end."""
        return self.begin(plan, uploads).result()


@contextmanager
def load() -> Iterator[Load]:
    """Two processes that wait for plans, gone afterwards."""
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(2, mp_context=context, initializer=_prepare)
    try:
        yield Load(pool)
    finally:
        pool.shutdown(cancel_futures=True)


def _prepare() -> None:
    # Ctrl-C is for the one who started us; when that one is gone, so are we.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent()
