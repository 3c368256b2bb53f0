"""What the operator is told when something cannot be used: which part, and why.

For commands and errands, whose reader may fix the cause; users are told less, and by the doors.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from uploads.config import ConfigurationError, Settings
from uploads.documents.errors import Unavailable, UploadsError
from uploads.records.revision import MigrationFailed


class Trouble(Exception):
    """Raised when a command cannot do its work; its text is one sentence for the operator."""


@contextmanager
def spoken_plainly() -> Iterator[None]:
    """Turn what an operator can do something about into Trouble; a mistake of ours stays one."""
    try:
        yield
    except Unavailable as error:
        raise Trouble(f"The {_place(error.part)} cannot be used: {_cause(error)}.") from error
    except UploadsError as error:
        raise Trouble(error.public) from error
    except (ConfigurationError, MigrationFailed) as error:
        raise Trouble(str(error)) from error
    except sqlite3.Error as error:
        raise Trouble(f"The {_place('database')} cannot be used: {error}.") from error
    except BrokenPipeError:
        # Whoever reads our output has had enough; click ends quietly then.
        raise
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise Trouble(f"{where}{error.strerror or error}.") from error


def _place(part: str) -> str:
    """A part and where it is; never with its password."""
    try:
        settings = Settings.load()
    except ConfigurationError:
        return part
    if part == "storage":
        return f"storage {settings.s3_endpoint}"
    if part != "database":
        return part
    url = urlsplit(settings.database_url)
    where = url.path[1:] if url.scheme.startswith("sqlite") else url.hostname or ""
    return f"database {where}".rstrip()


def _cause(error: Unavailable) -> str:
    """The first line of what the driver said, wherever it was wrapped."""
    innermost: BaseException = error
    while (deeper := getattr(innermost, "orig", None) or innermost.__cause__) is not None:
        innermost = deeper
    said = str(innermost) if innermost is not error else error.cause
    lines = said.strip().splitlines() or [error.cause or type(innermost).__name__]
    return lines[0].rstrip(".")
