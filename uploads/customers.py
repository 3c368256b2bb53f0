"""Which addresses are one customer's: the unit in which strangers are counted.

Knows neither requests nor sockets.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

_PORT = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<four>[0-9.]+))(?::[0-9]{1,5})?")


@lru_cache(maxsize=4096)
def customer(raw: str) -> str:
    """Whose an address is; of IPv6 the /64, which is what one customer has.

    An IPv4 client of a dual-stack socket (RFC 4291 section 2.5.5.2) counts as the IPv4 client.
    Some proxies add the port, which is another one each time. Whatever is no address is one
    customer in all: garbage must not buy a budget of its own.
    """
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
