"""The line `backlog` of the log: for how long jobs have waited for a worker.

For platforms that find the number of workers by what is logged (infra/terraform). The schedule
writes it, for a worker would be silent just when all of them are busy.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Self

import structlog

from uploads import clock
from uploads.config import Settings
from uploads.documents.errors import RecordsUnavailable
from uploads.documents.model import JobKind
from uploads.records.protocol import Records
from uploads.records.sql import SqlRecords

_log = structlog.get_logger(__name__)


class Teller:
    """Writes the line at once and then every `seconds`, on a thread that ends with its process."""

    def __init__(
        self, records: Records, seconds: float, now: Callable[[], datetime] = clock.now
    ) -> None:
        self._records = records
        self._seconds = seconds
        self._now = now

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(SqlRecords(settings.database_url), settings.backlog_log_seconds)

    def start(self) -> None:
        threading.Thread(target=self._go_on, name="backlog", daemon=True).start()

    def tell(self) -> None:
        """One line: seconds by kind, 0 where none waits; deferred jobs do not wait for a worker.

        When the database is away there is a warning instead, which nobody takes for an empty queue.
        """
        now = self._now()
        try:
            since = self._records.read(lambda work: work.jobs.waiting(now))
        except RecordsUnavailable as error:
            _log.warning("backlog_not_read", cause=error.cause)
            return
        waited = {kind: (now - since.get(kind, now)).total_seconds() for kind in JobKind}
        _log.info("backlog", **{f"{kind}_seconds": round(age, 1) for kind, age in waited.items()})

    def _go_on(self) -> None:
        pause = threading.Event()
        while True:
            self.tell()
            pause.wait(self._seconds)
