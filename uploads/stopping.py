"""Whether this process is about to stop: whoever waits for long looks here, and ends politely.

Set by the server, read by the app; knows neither.
"""

from __future__ import annotations

_asked = False


def ask() -> None:
    """The process is to stop."""
    global _asked  # one a process, by its nature
    _asked = True


def asked() -> bool:
    return _asked
