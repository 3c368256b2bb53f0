"""The Celery application of the workers: `celery --app workers.app worker`.

Celery wakes, limits and restarts processes; what is due and what is done the database knows.
"""

from __future__ import annotations

import logging
import os
import warnings
from functools import cache
from typing import Any, NoReturn

import structlog
from billiard.util import get_logger
from celery import Celery, signals
from celery.platforms import SecurityWarning

from uploads import clock, logs, scanner, tallies
from uploads.config import Settings
from uploads.lifeline import die_with_parent
from uploads.queue import make_celery
from uploads.schema import refuse_other_schema
from uploads.wiring import build
from workers.configured import settings_or_end
from workers.consuming import consume
from workers.exposing import expose
from workers.lineup import everything
from workers.machine import processes
from workers.places import Places
from workers.rendering.office_trial import NO_OFFICE, OfficeFound, find_office
from workers.runtime import Runtime, make_cell, make_runtime
from workers.sandbox.niceness import give_way
from workers.sandbox.parent import CellFailure
from workers.schema import SchemaGuard
from workers.scratch import Scratch
from workers.signs import READY_FILE, Stopping, end_within

# Celery warns a root worker of pickled messages. Ours are JSON and hold an id, and strangers' bytes
# are parsed in the cell alone, which is never root.
warnings.filterwarnings("ignore", category=SecurityWarning)

_log = structlog.get_logger(__name__)
_office = NO_OFFICE  # found out before the fork
_stopping = Stopping()  # made before the fork
_places = Places.beside_urgent(processes(settings_or_end()))  # made before the fork
# A warm stop waits for the work; whoever asked for it waits 15 s (`stack.py`) and then kills.
_HAND_BACK_AFTER_SECONDS = 8.0
_STOP_SECONDS = 13.0
_main_process = os.getpid()  # imported before the fork


class StartedAsRoot(RuntimeError):
    """A worker in production that nobody wants to be root."""


def _make_app(settings: Settings) -> Celery:
    made = consume(make_celery(settings.redis_url))
    made.conf.update(
        include=["workers.tasks"],
        worker_concurrency=processes(settings),
        worker_prefetch_multiplier=1,
        task_acks_late=True,
        task_reject_on_worker_lost=False,  # the sweeper repeats it, with its start counted
        task_time_limit=settings.job_seconds,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
    )
    return made


# Decided once, before the fork: a child started later must not look at a bad moment, find no
# ClamAV, and publish what it would have refused.
os.environ["UPLOADS_CLAMD"] = scanner.decided(Settings.load().clamd)

app = _make_app(Settings.load())


def runtime() -> Runtime:
    """This process's runtime, for the tasks. Raises Ignore where the schema became another."""
    made, schema = _made()
    schema.check()
    return made


@cache
def _made() -> tuple[Runtime, SchemaGuard]:
    """One a process, by Celery's design: made at its first use after the fork."""
    services = build(Settings.load().require_parts(), app)
    made = make_runtime(services, _places, _ending, _office)
    return made, SchemaGuard(services.records, _main_process)


def _ending() -> bool:
    return (_stopping.since() or 0.0) > _HAND_BACK_AFTER_SECONDS


@signals.setup_logging.connect
def _configure_logs(**_: Any) -> None:
    logs.configure(Settings.load().log_level, "worker")
    # Of a process that died Celery's pool tells by a logger that nobody is behind: Python would
    # write its words as they are.
    pool = get_logger()
    pool.setLevel(logging.WARNING)
    pool.propagate = True


@signals.worker_init.connect
def _prove(**_: Any) -> None:
    """Before the first job: the cell holds, the rules compile, the scratch is empty.

    The store and the engines are tried as well; whatever is found of them, the worker starts.

    Raises SystemExit, with the reason in the log: a worker that cannot inspect must not start.
    """
    try:
        _configure_logs()  # Celery does so only later, and this may be the last that is said
        settings = Settings.load()
        tallies.begin(settings.metrics_folder)
        give_way(settings.worker_nice)
        _judge_root(settings)
        _prove_cell(settings)
        Scratch(settings.scratch_dir).clear()
        _find_office(settings)
        services = build(settings, app)
        made = make_runtime(services, _places, office=_office)
        refuse_other_schema(services.records, "worker_refuses_to_start", 1)
        made.prove(anew=True)
        # The costly proof may come later where nothing waits for it.
        made.try_engines(thorough=settings.env == "production")
        _say_ready(settings)
    except Exception as error:  # noqa: BLE001  whatever it is, this worker cannot inspect
        _refuse_to_start(error)


def _judge_root(settings: Settings) -> None:
    """Children in the cell become nobody; what holds the secrets should be nobody's root either.

    On a laptop data and packages may be root's alone, so there it is only said. Raises
    StartedAsRoot in production, where an operator has not said that it has to be.
    """
    if os.geteuid() != 0:
        return
    if settings.env == "production" and not settings.worker_as_root:
        raise StartedAsRoot(
            "started as root: start it as a user of its own (celery's --uid and --gid change to "
            "one), or set UPLOADS_WORKER_AS_ROOT=yes"
        )
    _log.warning("worker_is_root", advice="run the service as a user of its own")


def _prove_cell(settings: Settings) -> None:
    """Raises CellOpen, unless an operator has said that there is no cell to be had."""
    if settings.cell == "unconfined":
        _log.warning("cell_unconfined", advice="unset UPLOADS_CELL wherever the platform allows")
        return
    cell = make_cell(settings)
    try:
        # With all that a file will find there: libraries leave things behind.
        cell.prepare(everything(settings, cell))
        cell.self_test()
    finally:
        cell.close()  # not to be carried over the fork


def _find_office(settings: Settings) -> None:
    """Without LibreOffice, or without a lock for it, the worker does what it can, and says so."""
    global _office  # one a worker, and its children inherit it
    if settings.office == "off":
        return
    if settings.cell == "unconfined":
        _office = OfficeFound(None, "off, for the parser cell is unconfined")
        return
    cell = make_cell(settings)
    try:
        _office = find_office(cell, Scratch(settings.scratch_dir), clock.new_id)
    finally:
        cell.close()


def _say_ready(settings: Settings) -> None:
    """Tell the embedded stack, where there is one. A Redis that is away keeps nobody from it."""
    run_dir = settings.data / "run"
    if run_dir.is_dir():
        (run_dir / READY_FILE).touch()


@signals.worker_ready.connect
def _expose(**_: Any) -> None:
    expose(Settings.load())


@signals.worker_shutting_down.connect
def _note_stop(**_: Any) -> None:
    _stopping.ask()
    end_within(_STOP_SECONDS)


@signals.worker_process_init.connect
def _begin_child(**_: Any) -> None:
    die_with_parent(_main_process)
    try:
        _made()[0].prepare()
    except Exception as error:  # noqa: BLE001  whatever it is, this worker cannot inspect
        _refuse_to_start(error)


def _refuse_to_start(error: Exception) -> NoReturn:
    """Celery's signals swallow every Exception; only SystemExit ends the process."""
    detail = error.log[-2000:] if isinstance(error, CellFailure) else ""
    _log.critical("worker_refuses_to_start", cause=str(error), detail=detail, exc_info=error)
    raise SystemExit(1) from error
