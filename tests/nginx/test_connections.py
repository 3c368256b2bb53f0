"""Connections of one address, which the kernel counts in front of nginx: `connections.nft`."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support import raw
from tests.support.namespaces import NETWORK, Host, hosts, ip
from tests.support.nginx import APP, SHIPPED, Nginx
from tests.support.people import PATIENCE
from tests.support.waiting import eventually

pytestmark = pytest.mark.one_database
LIMIT, SURPLUS = 256, 20
FOUR, SIX = f"{NETWORK}.1", "2001:db8::1"
# By the door: who has many connections, and who has none. Two addresses of one /64 are one.
MANY = {FOUR: (f"{NETWORK}.2",), SIX: ("2001:db8:0:2::1", "2001:db8:0:2::2")}
OTHER = {FOUR: f"{NETWORK}.3", SIX: "2001:db8:0:3::1"}


@pytest.fixture(scope="module")
def clients() -> Iterator[tuple[Host, Host]]:
    """Two hosts, on the wire with a third that has the shipped nginx and the shipped rules."""
    # As long as the test takes, nginx lets nobody go for half a head.
    patient = {"client_header_timeout 15s;": "client_header_timeout 300s;"}
    doors = {"listen 80;": f"listen {FOUR}:80;", "listen [::]:80;": f"listen [{SIX}]:80;"}
    with ExitStack() as ends:
        proxy, many, other = ends.enter_context(hosts("proxy", "many", "other"))
        further = {proxy: (SIX,), many: MANY[SIX], other: (OTHER[SIX],)}
        for host, addresses in further.items():
            with host.entered():
                for one in addresses:
                    device = "wire" if host is proxy else "eth0"
                    ip("address", "add", f"{one}/32", "dev", device, "nodad")
        with proxy.entered():
            load_rules()
            server = Nginx(changes={**patient, **doors})
            ends.callback(server.close)
            server.start()
        yield many, other


def load_rules() -> None:
    """As docs/nginx.md has it; twice, for it may be loaded again."""
    for _ in range(2):
        command = ["nft", "-f", str(SHIPPED / "connections.nft")]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        except FileNotFoundError:
            raise AssertionError("nft is missing: apt install nftables") from None
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("door", [FOUR, SIX])
def test_half_sent_headers_of_one_address_are_so_many(
    clients: tuple[Host, Host], door: str
) -> None:
    """Each further connection is refused, nobody else notices; when they end there is room."""
    many, other = clients
    with many.entered(), ExitStack() as held:
        assert refusals(held, door, LIMIT + SURPLUS) == SURPLUS
        assert status(door, MANY[door][0]) is None
        with other.entered():
            assert status(door, OTHER[door]) == 301
    with many.entered():
        eventually(lambda: status(door, MANY[door][0]) == 301, PATIENCE)


def refusals(held: ExitStack, door: str, count: int) -> int:
    """Open so many connections, with half a head in each; how many of them were refused."""
    refused = 0
    for number in range(count):
        source = MANY[door][number % len(MANY[door])]
        try:
            one = socket.create_connection((door, 80), raw.SECONDS, (source, 0))
        except ConnectionRefusedError:
            refused += 1
        else:
            held.enter_context(one).sendall(b"GET / HT")
    return refused


def status(door: str, source: str) -> int | None:
    """What one more client from there is answered; None where it may not connect."""
    request = raw.head("GET", "/sign-in", {"Host": APP})
    try:
        with socket.create_connection((door, 80), raw.SECONDS, (source, 0)) as client:
            return raw.exchange_on(client, [request]).status
    except ConnectionRefusedError:
        return None
