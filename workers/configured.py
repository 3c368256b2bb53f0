"""The settings of a program that Celery starts, or its end with one line that says what is wrong.

Celery imports such a program to start it, and shows what that raises with all of its own calls.
"""

from __future__ import annotations

import structlog

from uploads import logs
from uploads.config import ConfigurationError, Settings

_log = structlog.get_logger(__name__)


def settings_or_end() -> Settings:
    """What `Settings.load` returns. Raises SystemExit, with the reason in the log."""
    try:
        return Settings.load()
    except ConfigurationError as error:
        logs.configure("info", "worker")  # the wished level is among what could not be read
        _log.critical("refuses_to_start", cause=str(error))
        raise SystemExit(1) from None
