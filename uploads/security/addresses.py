"""Where a request comes from, as far as it can be known, and as one customer has it.

The app sees the address that the configured number of proxies vouches for, or the socket's peer;
a Unix socket has none, so behind it all who are not told apart by a proxy share one budget.
"""

from __future__ import annotations

from flask import Request, request

from uploads.customers import customer


def address() -> str:
    """Where the present request comes from."""
    return address_of(request)


def address_of(asked: Request) -> str:
    """The client's address, as `customer` has it."""
    raw = asked.remote_addr
    return customer(raw) if raw else "addr:local"
