"""The Celery tasks: each takes an id or nothing, may run twice, and calls one verb."""

from __future__ import annotations

from uploads.queue import JOB_TASK, SWEEP_TASK
from workers.app import app, runtime
from workers.schedule import CANARY_TASK, PROVE_TASK, TIDY_TASK


@app.task(name=JOB_TASK)
def job(job_id: str) -> None:
    """Run one job, if it is to be had."""
    runtime().run_job(job_id)


@app.task(name=SWEEP_TASK)
def sweep() -> None:
    """Wake workers for what is due, end what expires, notice engines that became useless, take back
    what was left to be withdrawn, delete what has to go, and look again at what is outdated."""
    runtime().do_what_is_due()


@app.task(name=TIDY_TASK)
def tidy() -> None:
    """Find what no ledger names."""
    runtime().tidy()


@app.task(name=PROVE_TASK)
def prove() -> None:
    """Try the store again, where that is due."""
    runtime().prove()


@app.task(name=CANARY_TASK)
def canary() -> None:
    """Let every engine prove itself."""
    runtime().try_engines()
