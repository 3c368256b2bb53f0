"""Which addresses webhooks may be sent to: judged as text, and again each time as numbers.

A name can resolve to anything and to something else a moment later, so what counts is each address
that a call is about to be made to. What is not plainly public is refused, unless the operator named
its network. Opens no socket and asks for no name.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from socket import inet_aton
from urllib.parse import urlsplit

Network = IPv4Network | IPv6Network
_LONGEST = 2000
_PORTS = {"http": 80, "https": 443}
# Public by their numbers, but they lead elsewhere: IPv4 inside of IPv6 (compatible, mapped, NAT64,
# 6to4, Teredo), old site-local, protocol assignments (Oracle's metadata among them), 6to4 relays,
# and Azure's WireServer.
_DETOURS = tuple(
    ip_network(text)
    for text in (
        *("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48"),
        *("2002::/16", "2001::/23", "fec0::/10", "192.0.0.0/24", "192.88.99.0/24"),
        "168.63.129.16/32",
    )
)
# Of IPv6 only this was ever given out for the open network (RFC 4291 section 2.4).
_GLOBAL_UNICAST = ip_network("2000::/3")


class TargetRefused(ValueError):
    """Raised when a webhook may not go there; its text says why, in words for its owner."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where one call goes. `path` has the query; `host` is what the certificate must be for."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """What the Host header says (RFC 9110 section 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


class Targets:
    """The operator's rules. `networks` are let through although they are not public."""

    def __init__(
        self, *, http: bool, ports: Collection[tuple[int, int]], networks: Sequence[str]
    ) -> None:
        self._schemes = {"https", "http"} if http else {"https"}
        self._ports = tuple(ports)
        self._networks = tuple(ip_network(net, strict=False) for net in networks)

    def read(self, untrusted_url: str) -> Target:
        """The target that this URL names. Raises TargetRefused."""
        if len(untrusted_url) > _LONGEST or not untrusted_url.isascii():
            raise TargetRefused(f"an address of at most {_LONGEST} ASCII characters")
        if not untrusted_url.isprintable() or set(untrusted_url) & set(' "<>\\^`{|}'):
            raise TargetRefused("an address without spaces and quotes; write them as %20")
        try:
            url = urlsplit(untrusted_url)
            port = url.port
        except ValueError as error:
            raise TargetRefused("an address like https://example.org/hook") from error
        if url.scheme not in self._schemes:
            raise TargetRefused("an address that begins with " + " or ".join(self._named_schemes))
        if "@" in url.netloc:
            raise TargetRefused("an address without a user name and a password")
        if "#" in untrusted_url:
            raise TargetRefused("an address without a fragment")
        host = (url.hostname or "").rstrip(".")
        if not host or "%" in host:
            raise TargetRefused("an address with a host")
        port = _PORTS[url.scheme] if port is None else port
        if not any(first <= port <= last for first, last in self._ports):
            raise TargetRefused(f"port {port} is not among those that webhooks may use")
        self._check_literal(host)
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        return Target(url.scheme, host, port, path)

    def allows(self, address: str) -> bool:
        """Whether a call may be made to this numeric address."""
        try:
            found = ip_address(address)
        except ValueError:
            return False  # a zone, or nothing that is an address
        if any(found.version == net.version and found in net for net in self._networks):
            return True
        return _is_public(found)

    def _check_literal(self, host: str) -> None:
        """Tell at once of an address that would be refused at each call."""
        found = ("127.0.0.1", "::1") if _is_localhost(host) else (_address(host),)
        if not any(address is None or self.allows(address) for address in found):
            raise TargetRefused("an address on the public network")

    @property
    def _named_schemes(self) -> list[str]:
        return [f"{scheme}://" for scheme in sorted(self._schemes, reverse=True)]


def _is_localhost(host: str) -> bool:
    """Whether the name is this machine's own, wherever it is asked for (RFC 6761 section 6.3)."""
    return f".{host}".endswith(".localhost")


def _address(host: str) -> str | None:
    """The address that resolvers make of a host without asking anybody; None of a real name.

    POSIX has inet_aton's forms read as addresses: `127.1`, `2130706433`, `0x7f.1`, `0177.0.0.1`.
    """
    try:
        return str(ip_address(host))
    except ValueError:
        with suppress(OSError):
            return str(IPv4Address(inet_aton(host)))
        return None


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    """Only what is plainly public: what Python's registry calls global may still be a detour."""
    if any(address.version == net.version and address in net for net in _DETOURS):
        return False
    if address.version == 6 and not _is_plain_global(address):
        return False
    return address.is_global and not (
        address.is_multicast
        or address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_reserved
        or address.is_unspecified
    )


def _is_plain_global(address: IPv6Address) -> bool:
    return address in _GLOBAL_UNICAST and address.packed[8:12] not in _ISATAP


# RFC 5214 section 6.1: the last four bytes are an IPv4 address.
_ISATAP = frozenset({bytes.fromhex("00005efe"), bytes.fromhex("02005efe")})
