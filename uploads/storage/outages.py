"""Why a store did not answer, in an operator's words."""

from __future__ import annotations

from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from uploads.storage.wire import Broken


def in_words(error: HTTPError | Broken) -> str:
    """What came instead of an answer; that nobody was there is said as such."""
    if isinstance(error, Broken):
        return str(error)
    name = type(error).__name__
    nobody = isinstance(error, NewConnectionError | ConnectTimeoutError)
    return f"Could not connect ({name})" if nobody else name
