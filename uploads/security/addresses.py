"""Where a request comes from, as far as it can be known, and as one customer has it.

The app sees the address that the configured number of proxies vouches for, or the socket's peer;
a Unix socket has none, so behind it all who are not told apart by a proxy share one budget.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog
from flask import Request, request

from uploads.customers import customer

_log = structlog.get_logger(__name__)
_QUIET_SECONDS = 60


def address() -> str:
    """Where the present request comes from."""
    return address_of(request)


def address_of(asked: Request) -> str:
    """The client's address, as `customer` has it."""
    raw = asked.remote_addr
    return customer(raw) if raw else "addr:local"


class Forwarded:
    """Tells the operator where `proxies` are trusted and fewer have spoken: all who come that way
    are then one client. Once a minute at most in each process; `clock` is in seconds."""

    def __init__(self, proxies: int, clock: Callable[[], float]) -> None:
        self._proxies = proxies
        self._clock = clock
        self._next: float | None = None

    def look(self, forwarded: str, peer: str) -> None:
        """At the X-Forwarded-For of a request that came from `peer`, "" by a Unix socket.

        A request with none over TCP is a probe from the machine itself.
        """
        found = forwarded.count(",") + 1 if forwarded else 0
        if found >= self._proxies or (peer and not found):
            return
        now = self._clock()
        if self._next is None or now >= self._next:
            self._next = now + _QUIET_SECONDS
            _log.warning("forwarded_too_few", found=found, trusted_proxies=self._proxies)
