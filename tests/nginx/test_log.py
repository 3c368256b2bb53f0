"""What a stranger can write into nginx's log: little, and nothing that is no JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.support.nginx import APP, Nginx
from tests.support.people import PATIENCE
from tests.support.waiting import eventually

pytestmark = pytest.mark.one_database
LONG = 7900


@pytest.fixture(scope="module")
def alone() -> Iterator[Nginx]:
    """nginx before a service that is not running."""
    server = Nginx()
    yield server.start()
    server.close()


def logged(server: Nginx, sent: bytes) -> tuple[bytes, dict[str, str]]:
    """The line that these bytes made, as it is and as it is read."""
    file = server.folder / "access.log"
    before = len(file.read_bytes())
    server.exchange(sent)
    line = eventually(lambda: file.read_bytes()[before:], PATIENCE)
    return line, json.loads(line.decode("utf-8"))


def request(
    method: bytes = b"GET", path: bytes = b"/", host: bytes = APP.encode(), agent: bytes = b""
) -> bytes:
    return b"%b %b HTTP/1.1\r\nHost: %b\r\nUser-Agent: %b\r\n\r\n" % (method, path, host, agent)


@pytest.mark.parametrize("filling", [b"a", b'"', b"\\", b"\x01", b"\xff", "ü".encode()])
def test_a_request_writes_no_more_than_a_line(alone: Nginx, filling: bytes) -> None:
    """As long as nginx takes them, of whatever is longest when it is escaped."""
    text = filling * (LONG // len(filling))
    path = b"/" + (b"a" * LONG if filling == b"\x01" else text)
    line, found = logged(alone, request(path=path, agent=b"curl " + text))
    assert len(line) < 1500
    assert found["path"].startswith("/")
    assert found["user_agent"].startswith("curl ")
    assert len(found["path"]) <= 200
    assert len(found["user_agent"]) <= 200


def test_neither_method_nor_host_is_longer(alone: Nginx) -> None:
    """A name that is none of ours is noted, as far as it says something."""
    line, found = logged(alone, request(host=b"a" * LONG))
    assert len(line) < 1500
    assert found["host"] == "a" * 200
    line, found = logged(alone, request(method=b"A" * LONG))
    assert len(line) < 1500
    assert found["method"] == ""


def test_what_is_usual_is_logged_whole(alone: Nginx) -> None:
    """The path up to its query, the host, and a browser's name of itself."""
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
    _, found = logged(alone, request(path=b"/a/%C3%BC?b=c", agent=agent.encode()))
    wanted = {"method": "GET", "host": APP, "path": "/a/%C3%BC", "user_agent": agent}
    assert {name: found[name] for name in wanted} == wanted
