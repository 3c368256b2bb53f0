"""Whose request it is: by the number of trusted proxies, and by nothing a client writes."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from uploads.security.addresses import address

PEER = "192.0.2.1"
CLIENT = "203.0.113.7"
FORGED = "198.51.100.66"

# Proxies trusted · the socket's peer · X-Forwarded-For as it arrives · whose budget is spent
TABLE = [
    # Nobody in front: the header is a client's own invention.
    (0, PEER, None, f"addr:{PEER}"),
    (0, PEER, FORGED, f"addr:{PEER}"),
    (0, PEER, f"{FORGED}, {CLIENT}", f"addr:{PEER}"),
    # One proxy: only what it wrote itself, at the right end, is believed.
    (1, PEER, CLIENT, f"addr:{CLIENT}"),
    (1, PEER, f"{FORGED}, {CLIENT}", f"addr:{CLIENT}"),
    (1, PEER, f"{FORGED},{FORGED} , {CLIENT}", f"addr:{CLIENT}"),
    (1, PEER, None, f"addr:{PEER}"),
    # Two: the outer one's word, repeated by the inner.
    (2, PEER, f"{CLIENT}, 10.0.0.1", f"addr:{CLIENT}"),
    (2, PEER, f"{FORGED}, {CLIENT}, 10.0.0.1", f"addr:{CLIENT}"),
    # One word where two are due: somebody went round a proxy, and is taken for it.
    (2, PEER, FORGED, f"addr:{PEER}"),
    # IPv6 by the /64, with and without brackets and port; IPv4 inside IPv6 is IPv4.
    (1, PEER, "2001:db8:1:2::9", "addr6:20010db800010002"),
    (1, PEER, "2001:db8:1:2:ffff::1", "addr6:20010db800010002"),
    (1, PEER, "[2001:db8:1:2::9]:4711", "addr6:20010db800010002"),
    (1, PEER, "[2001:db8:1:2::9]", "addr6:20010db800010002"),
    (1, PEER, f"::ffff:{CLIENT}", f"addr:{CLIENT}"),
    (0, "::1", None, "addr6:0"),
    (0, f"::ffff:{PEER}", FORGED, f"addr:{PEER}"),
    # A port is another one with each connection, and buys nothing.
    (1, PEER, f"{CLIENT}:4711", f"addr:{CLIENT}"),
    # Garbage is one customer in all.
    (1, PEER, "garbage", "addr:unknown"),
    (1, PEER, "203.0.113.999", "addr:unknown"),
    (1, PEER, "<script>", "addr:unknown"),
    (1, PEER, "unknown", "addr:unknown"),
    # A Unix socket has no peer: without a trusted proxy all behind it share one budget.
    (0, "", FORGED, "addr:local"),
    (1, "", CLIENT, f"addr:{CLIENT}"),
    (1, "", f"{FORGED}, {CLIENT}", f"addr:{CLIENT}"),
    (1, "", None, "addr:local"),
]


@pytest.mark.parametrize(("proxies", "peer", "forwarded", "whose"), TABLE)
def test_only_the_trusted_number_of_proxies_is_believed(
    proxies: int, peer: str, forwarded: str | None, whose: str
) -> None:
    """The other names of the same header are never looked at."""
    app = Flask("small")
    app.add_url_rule("/", "who", address)
    wsgi: Any = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies) if proxies else app.wsgi_app
    app.wsgi_app = wsgi  # type: ignore[method-assign]
    headers = {"X-Real-IP": FORGED, "Forwarded": f"for={FORGED}", "CF-Connecting-IP": FORGED}
    if forwarded is not None:
        headers["X-Forwarded-For"] = forwarded
    answer = app.test_client().get("/", headers=headers, environ_base={"REMOTE_ADDR": peer})
    assert answer.text == whose
