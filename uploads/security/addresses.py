"""Where a request comes from, as far as it can be known, and as one customer has it.

The app sees the address that the configured number of proxies vouches for, or the socket's peer;
a Unix socket has none, so behind it all who are not told apart by a proxy share one budget.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from flask import Request, request

_PORT = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<four>[0-9.]+))(?::[0-9]{1,5})?")


def address() -> str:
    """Where the present request comes from."""
    return address_of(request)


def address_of(asked: Request) -> str:
    """The client's address; of IPv6 the /64, which is what one customer has.

    An IPv4 client of a dual-stack socket (RFC 4291 section 2.5.5.2) counts as the IPv4 client.
    Some proxies add the port, which is another one each time. Whatever is no address is one
    customer in all: garbage must not buy a budget of its own.
    """
    raw = asked.remote_addr
    return _customer(raw) if raw else "addr:local"


@lru_cache(maxsize=4096)
def _customer(raw: str) -> str:
    if port := _PORT.fullmatch(raw):
        raw = port["six"] or port["four"]
    try:
        found = ip_address(raw)
    except ValueError:
        return "addr:unknown"
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is None:
            return f"addr6:{int(found) >> 64:x}"
        found = found.ipv4_mapped
    return f"addr:{found}"
