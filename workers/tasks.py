"""The Celery tasks: each takes an id or nothing, may run twice, and calls one verb."""

from __future__ import annotations

from uploads.queue import JOB_TASK, SWEEP_TASK
from workers.app import app, runtime
from workers.schedule import PROVE_TASK, TIDY_TASK


@app.task(name=JOB_TASK)
def job(job_id: str) -> None:
    """Run one job, if it is to be had."""
    runtime().run_job(job_id)


@app.task(name=SWEEP_TASK)
def sweep() -> None:
    """Wake workers for what is due and delete what has to go."""
    runtime().sweep()
    runtime().reap()


@app.task(name=TIDY_TASK)
def tidy() -> None:
    """Find what no ledger names."""
    runtime().tidy()


@app.task(name=PROVE_TASK)
def prove() -> None:
    """Find out what the store checks by itself."""
    runtime().prove()
