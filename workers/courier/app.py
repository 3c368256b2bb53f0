"""The Celery application that calls webhooks: `celery --app workers.courier.app worker`.

With threads, for all it does is wait for others. It knows neither the store nor any parser.
"""

from __future__ import annotations

import os
import warnings
from datetime import timedelta
from functools import cache
from typing import Any

from celery import Celery, signals
from celery.platforms import SecurityWarning

from uploads import clock, faults, logs, outgoing, tallies
from uploads.config import Settings
from uploads.queue import DELIVER_TASK, CeleryHints, make_celery
from uploads.records.sql import SqlRecords
from uploads.schema import refuse_other_schema
from workers.configured import settings_or_end
from workers.consuming import consume
from workers.courier.counted import CountedCaller
from workers.courier.visit import Courier
from workers.exposing import expose
from workers.schema import SchemaGuard
from workers.signs import COURIER_READY_FILE, Stopping, end_within

# Celery warns a root worker of pickled messages. Ours are JSON and hold an id.
warnings.filterwarnings("ignore", category=SecurityWarning)
_stopping = Stopping()
# Whoever asked for a stop waits 20 s (`stack.py`) and then kills.
_STOP_SECONDS = 18.0
# So many owners whose receivers are slow it takes before those of others have to wait.
_OWNERS_WITH_ROOM = 4


def _make_app(settings: Settings) -> Celery:
    made = consume(make_celery(settings.redis_url))
    made.conf.update(
        worker_prefetch_multiplier=1,
        task_acks_late=True,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
    )
    return made


app = _make_app(settings_or_end())


@cache
def courier() -> Courier:
    """This process's courier, which all threads share."""
    settings = Settings.load().require_parts()
    faults.arm(settings.fault)
    caller = CountedCaller(
        outgoing.targets(settings),
        seconds=settings.webhook_seconds,
        agent="uploads-webhooks/1",
        ending=_ending,
    )
    return Courier(
        records=_records(),
        hints=CeleryHints(app),
        clock=clock.now,
        caller=caller,
        sealer=outgoing.sealer(settings),
        base_url=settings.public_url,
        # A batch is one call long, and the database may be slow.
        lease=timedelta(seconds=settings.webhook_seconds + settings.lease_seconds),
        of_one_owner=max(1, settings.webhook_workers // _OWNERS_WITH_ROOM),
        ending=_ending,
    )


@cache
def _records() -> SqlRecords:
    return SqlRecords(Settings.load().database_url)


@cache
def _schema() -> SchemaGuard:
    return SchemaGuard(_records(), os.getpid())


@app.task(name=DELIVER_TASK)
def deliver(webhook_id: str) -> None:
    """Deliver what is due for one webhook, if it is to be had."""
    _schema().check()
    courier().visit(webhook_id)


def _ending() -> bool:
    return _stopping.since() is not None


@signals.setup_logging.connect
def _configure_logs(**_: Any) -> None:
    logs.configure(Settings.load().log_level, "worker")


@signals.worker_init.connect
def _begin(**_: Any) -> None:
    tallies.begin(Settings.load().metrics_folder)
    courier()
    refuse_other_schema(_records(), "worker_refuses_to_start", 1)


@signals.worker_ready.connect
def _say_ready(**_: Any) -> None:
    """Show what is counted, where it is wanted; tell the embedded stack, where there is one."""
    settings = Settings.load()
    expose(settings)
    run_dir = settings.data / "run"
    if run_dir.is_dir():
        (run_dir / COURIER_READY_FILE).touch()


@signals.worker_shutting_down.connect
def _note_stop(**_: Any) -> None:
    _stopping.ask()
    end_within(_STOP_SECONDS)
