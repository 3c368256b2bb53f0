"""An operator who trusts more proxies than there are is told so, and not with each request."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from uploads.security.addresses import Forwarded


@pytest.mark.parametrize(
    ("proxies", "forwarded", "peer", "warned"),
    [
        (1, "192.0.2.1", "", False),
        (1, "192.0.2.1, 192.0.2.2", "192.0.2.9", False),
        (1, "", "", True),
        (1, "", "127.0.0.1", False),  # a probe
        (2, "192.0.2.1", "", True),
        (2, "192.0.2.1", "192.0.2.9", True),
        (2, "192.0.2.1,192.0.2.2", "", False),
    ],
)
def test_fewer_addresses_than_proxies_are_told(
    proxies: int, forwarded: str, peer: str, warned: bool
) -> None:
    """With what came and what was awaited; no address of anybody is in it."""
    with capture_logs() as said:
        Forwarded(proxies, lambda: 0).look(forwarded, peer)
    found = forwarded.count(",") + bool(forwarded)
    wanted = {"event": "forwarded_too_few", "found": found, "trusted_proxies": proxies}
    assert said == [{**wanted, "log_level": "warning"}] * warned


def test_it_is_told_once_a_minute() -> None:
    """However many come meanwhile."""
    times = iter([0.0, 1.0, 59.9, 60.0, 61.0, 120.0])
    watched = Forwarded(2, lambda: next(times))
    with capture_logs() as said:
        for _ in range(6):
            watched.look("192.0.2.1", "")
    assert len(said) == 3
