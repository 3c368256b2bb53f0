"""nginx behind another proxy: with the shipped example each client is itself again."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.support import raw
from tests.support.nginx import APP, Nginx
from tests.support.people import PATIENCE
from tests.support.waiting import eventually

pytestmark = pytest.mark.one_database
CLIENTS = ("198.51.100.1", "198.51.100.2", "2001:db8::1")
FORGED = "203.0.113.7"
# The outer one is told by a test who its client is.
PEERS = "set_real_ip_from 127.0.0.1; real_ip_header X-Test-Peer; keepalive_timeout 30s;"
EXAMPLE = {
    "#set_real_ip_from 192.0.2.10;": "set_real_ip_from 127.0.0.1;",
    "#real_ip_header X-Forwarded-For;": "real_ip_header X-Forwarded-For;",
}


@pytest.fixture(params=[True, False], ids=["example", "as shipped"])
def told(request: pytest.FixtureRequest) -> bool:
    """Whether the example is switched on."""
    return bool(request.param)


@pytest.fixture
def inner(told: bool) -> Iterator[Nginx]:
    """The shipped one, before a service that is not running."""
    server = Nginx(changes=EXAMPLE if told else {})
    yield server.start()
    server.close()


@pytest.fixture
def outer(inner: Nginx) -> Iterator[Nginx]:
    onward = f"proxy_pass https://127.0.0.1:{inner.port}; proxy_ssl_server_name on;"
    named = f"{onward} proxy_ssl_name {APP};"
    server = Nginx(
        changes={"keepalive_timeout 30s;": PEERS, "proxy_pass http://uploads;": named},
        public_port=inner.port,
    )
    yield server.start()
    server.close()


def test_each_client_behind_the_other_proxy_is_itself(
    inner: Nginx, outer: Nginx, told: bool
) -> None:
    """By the other proxy's word alone; without the example all of them are that proxy."""
    for one in CLIENTS:
        sent = {"Host": APP, "X-Test-Peer": one, "X-Forwarded-For": FORGED}
        assert outer.exchange(raw.head("GET", "/sign-in", sent)).status == 502
    lines = eventually(
        lambda: found if len(found := inner.log().splitlines()) == len(CLIENTS) else None, PATIENCE
    )
    seen = [json.loads(line)["address"] for line in lines]
    assert seen == (list(CLIENTS) if told else ["127.0.0.1"] * len(CLIENTS))
