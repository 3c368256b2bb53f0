"""How many connections each address holds in this process, so that none takes the room of all.

Counted from the moment they are taken, before a byte of them is read: half a header holds as much
as a request. Knows neither HTTP nor the app.
"""

from __future__ import annotations

from typing import Any

from uploads.config import Settings
from uploads.customers import customer


class Connections:
    """Those of this process by whose they are; nothing is kept of who has none."""

    def __init__(self, settings: Settings) -> None:
        self._limit = settings.web_connections_address
        # Where the proxy has no socket of its own, all clients come from its address.
        self._proxied = settings.trusted_proxies > 0 and settings.socket is None
        self._metrics_port = settings.web_metrics_port
        self._held: dict[str, int] = {}

    def whose(self, name: Any, peer: Any) -> str | None:
        """Who a connection counts for, by the addresses of both ends (`getsockname`, `accept`).

        None is nobody: the proxy, which vouches for others and counts them itself, and whoever
        asks for metrics, so that they are seen while an address has too many.
        """
        if not self._limit or self._proxied or not isinstance(peer, tuple):
            return None
        return None if name[1] == self._metrics_port else customer(peer[0])

    def enter(self, whose: str | None) -> bool:
        """Count one more until `leave`; False, and nothing is counted, where that is too many."""
        if whose is None:
            return True
        held = self._held.get(whose, 0)
        if held >= self._limit:
            return False
        self._held[whose] = held + 1
        return True

    def leave(self, whose: str | None) -> None:
        """The end of one that has entered."""
        if whose is None:
            return
        left = self._held.pop(whose) - 1
        if left:
            self._held[whose] = left
