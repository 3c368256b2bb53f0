"""The Celery application of the clock: `celery --app workers.beat beat`.

It sends the names of tasks and runs none: so it knows neither the tasks nor what they need, starts
quickly, and stays small. Where it is asked to, it also tells how long jobs wait.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from celery import Celery, signals
from celery.beat import PersistentScheduler

from uploads import logs, tallies
from uploads.config import Settings
from uploads.metrics import SCHEDULED
from uploads.queue import make_celery
from workers.configured import settings_or_end
from workers.exposing import expose
from workers.schedule import beat_schedule


class _Fixed(PersistentScheduler):  # type: ignore[misc]
    """What is sent, and how often, stays as it was at the start."""

    def setup_schedule(self) -> None:
        """On a new machine nobody has made the folder of the file yet."""
        Path(self.schedule_filename).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        super().setup_schedule()

    def schedules_equal(self, old: Any, new: Any) -> bool:
        """Celery would compare all entries at each tick, and copy them."""
        del new
        return old is not None


def _make_app(settings: Settings) -> Celery:
    made = make_celery(settings.redis_url)
    made.conf.update(
        beat_scheduler=_Fixed,
        beat_schedule=beat_schedule(settings),
        beat_max_loop_interval=max(1.0, settings.sweep_seconds),
    )
    return made


app = _make_app(settings_or_end())


@signals.setup_logging.connect
def _configure_logs(**_: Any) -> None:
    logs.configure(Settings.load().log_level, "worker")


@signals.beat_init.connect
def _begin(**_: Any) -> None:
    settings = Settings.load()
    tallies.begin(settings.metrics_folder)
    expose(settings)
    if settings.backlog_log_seconds:
        # Not before it is wanted: with the database comes most of what this process would weigh.
        from workers.telling import Teller  # noqa: PLC0415

        Teller.of(settings).start()


@signals.after_task_publish.connect
def _count(sender: str, **_: Any) -> None:
    """The name of a task that was sent; the clock sends those of the schedule and no others."""
    SCHEDULED.count(sender)
