"""Structured logs: one JSON object a line, in UTC, without keys, signatures or content."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import structlog

_SECRET_NAMES = re.compile(r"(?i)authorization|cookie|password|secret|token|signature|api_?key")
_SECRET_VALUES = re.compile(
    r"(?i)(X-Amz-(?:Signature|Credential|Security-Token)=)[^&\s\"']+|(upk\.[a-z0-9]+\.)[\w-]+"
    r"|(/(?:renditions|downloads|links|tickets)/)[\w-]+\.[\w.-]+"
    # A hash of a password; one in an address; the row that PostgreSQL shows beside an error.
    r"|(\$argon2\w+\$)[\w$=,+/.-]+|(://[^\s/:@'\"]*:)[^\s/@'\"]+(?=@)"
    r"|(\b(?:DETAIL|CONTEXT): )[^\n]+"
)

_REQUESTS = "uploads.app"

# For gunicorn's `logconfig_dict`: no handlers of its own, so that its lines go the way of ours.
GUNICORN: dict[str, Any] = {
    "formatters": {},
    "handlers": {},
    "loggers": {"gunicorn.error": {"level": "WARNING", "propagate": True}},
    "root": {},
}


def redact(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Blot out whatever looks like a credential, by its name or by its form, at any depth."""
    for name, value in event.items():
        event[name] = _blotted(name, value)
    return event


def _blotted(name: str, value: Any) -> Any:
    if _is_secret(name):
        return "[redacted]"
    if isinstance(value, str):
        return _SECRET_VALUES.sub(lambda m: m[m.lastindex or 0] + "[redacted]", value)
    if isinstance(value, Mapping):
        return {key: _blotted(str(key), one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_blotted("", one) for one in value]
    return value


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    return _SECRET_NAMES.search(name) is not None


def asked(**members: Any) -> None:
    """One line for a request, with the context of the present one."""
    if _quick is None or not _quick.say(members):
        structlog.get_logger(_REQUESTS).info("request", **members)


def probed(**members: Any) -> None:
    """The same for a probe that was well, which few want to read."""
    structlog.get_logger(_REQUESTS).debug("request", **members)


class _Quick:
    """Writes what structlog would write of a request, without asking each processor each time."""

    def __init__(self, program: str, wanted: bool) -> None:
        self._wanted = wanted
        self._same = {"event": "request", "level": "info", "logger": _REQUESTS, "program": program}

    def say(self, members: Mapping[str, Any]) -> bool:
        """Whether it is said, or not wanted; not where something must be blotted out."""
        line = {**structlog.contextvars.get_contextvars(), **members}
        # Of these alone a client may have a say; none has a name to hide.
        if _SECRET_VALUES.search(f"{line.get('method')} {line.get('request_id')}"):
            return False
        if self._wanted:
            now = datetime.now(UTC).replace(tzinfo=None).isoformat() + "Z"
            sys.stderr.write(json.dumps({**line, **self._same, "timestamp": now}) + "\n")
            sys.stderr.flush()
        return True


_quick: _Quick | None = None


def configure(level: str, program: str) -> None:
    """Send structlog and the standard library's loggers as JSON lines to standard error."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _named(program),
        redact,
    ]
    structlog.configure(
        # Our own lines do not take the way through the standard library, which doubles their cost.
        processors=[*shared, structlog.processors.JSONRenderer()],
        logger_factory=_Lines,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    global _quick  # as structlog's own configuration is
    _quick = _Quick(program, root.isEnabledFor(logging.INFO))
    for noisy in ("botocore", "urllib3", "kombu", "amqp", "celery", "alembic", "pikepdf"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))


class _Lines(structlog.WriteLogger):
    """Writes to standard error, under the name of the module that logs."""

    def __init__(self, name: str = "") -> None:
        super().__init__(sys.stderr)
        self.name = name


def _named(program: str) -> Any:
    def add(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
        event.setdefault("program", program)
        return event

    return add
