"""Where a connection to PostgreSQL was made that nobody closed.

It is found long after whoever dropped it, when Python next looks for garbage, and in another test.
psycopg's own warning says no more than that there was one.
"""

from __future__ import annotations

import traceback
import warnings
from typing import Any

from uploads.records.cooperative import CooperativeConnection

_CALLERS = 25


def tell_births() -> None:
    """From now on each of our connections in this process knows who made it, and says so."""
    connect: Any = CooperativeConnection.connect.__func__  # type: ignore[attr-defined]

    def noted(cls: Any, *words: Any, **named: Any) -> CooperativeConnection:
        made: CooperativeConnection = connect(cls, *words, **named)
        made._made_by = "".join(traceback.format_stack(limit=_CALLERS))  # type: ignore[attr-defined]
        return made

    CooperativeConnection.connect = classmethod(noted)  # type: ignore[assignment]
    CooperativeConnection.__del__ = _left_open  # type: ignore[method-assign]


def _left_open(connection: CooperativeConnection) -> None:
    if not connection.closed:
        by = getattr(connection, "_made_by", "somebody unknown")
        warnings.warn(f"{connection!r} was left open. Made by:\n{by}", ResourceWarning, 2)
