"""No program of the service begins on a database whose schema is another version's."""

from __future__ import annotations

import structlog

from uploads.documents.errors import RecordsUnavailable
from uploads.records.protocol import Records
from uploads.records.revision import OtherSchema

_log = structlog.get_logger(__name__)


def refuse_other_schema(records: Records, event: str, code: int) -> None:
    """Raises SystemExit with this code, and the reason in the log as this event.

    A database that is away keeps nobody from starting: jobs wait, and `/readyz` tells of it.
    """
    try:
        records.check_schema()
    except OtherSchema as error:
        _log.critical(event, cause=str(error))
        raise SystemExit(code) from None
    except RecordsUnavailable as error:
        _log.warning("schema_not_checked", cause=error.cause)
