"""Workers do nothing in a database whose schema is not the one of their version.

An older one would run into what it does not know, and count that as the fault of the file it works
on. So it does not start (`uploads/schema.py`), and looks again every few seconds before a job: the
schema may be brought up to date under it.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import structlog
from celery.exceptions import Ignore

from uploads.records.protocol import Records
from uploads.records.revision import OtherSchema

_LOOK_SECONDS = 5.0
_log = structlog.get_logger(__name__)


class SchemaGuard:
    """Ends a worker, warmly, whose database has become another version's.

    `main` is the process that takes hints; whoever started it hears at the next start why.
    """

    def __init__(
        self,
        records: Records,
        main: int,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        end: Callable[[int, int], None] = os.kill,
    ) -> None:
        self._records = records
        self._main = main
        self._monotonic = monotonic
        self._end = end
        self._looked_at = float("-inf")

    def check(self) -> None:
        """Raises Ignore, which leaves the hint: the job is due, and a sweep wakes somebody else.

        Raises RecordsUnavailable.
        """
        if self._monotonic() - self._looked_at < _LOOK_SECONDS:
            return
        try:
            self._records.check_schema()
        except OtherSchema as error:
            _log.critical("worker_stops", cause=str(error))
            self._end(self._main, signal.SIGTERM)
            raise Ignore from error
        self._looked_at = self._monotonic()
