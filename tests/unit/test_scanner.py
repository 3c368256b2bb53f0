"""Whether there is a virus scanner: found once, told to all, and asked whether it answers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from flask import Flask

from uploads import scanner
from uploads.api.operations import blueprint
from uploads.config import Settings
from uploads.documents.errors import RecordsUnavailable
from workers.embedded.stack_env import write_stack_env


@contextmanager
def daemon(path: Path, reply: bytes | None = None) -> Iterator[str]:
    """Something that listens at `path`, and answers one connection when it has a reply."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(0)

        def answer() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.recv(16)
                peer.sendall(reply or b"")

        if reply is None:
            yield str(path)
            return
        thread = threading.Thread(target=answer)
        thread.start()
        # Whoever answers has time to do so.
        with patch.object(scanner, "_SECONDS", 60.0):
            yield str(path)
        thread.join()


@pytest.fixture
def usual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only usual socket there is."""
    path = tmp_path / "clamd.ctl"
    monkeypatch.setattr(scanner, "_SOCKETS", (str(path),))
    return path


def test_no_socket_is_no_scanner(usual: Path) -> None:
    assert scanner.find(None) is None
    assert scanner.decided(None) == "off"


def test_a_socket_that_nobody_serves_is_no_scanner(usual: Path) -> None:
    with daemon(usual):
        pass
    assert usual.exists()
    assert scanner.find(None) is None


def test_a_silent_or_busy_scanner_is_one(usual: Path) -> None:
    """A scanner that has no time just now must not drop out of every verdict."""
    with daemon(usual), socket.socket(socket.AF_UNIX) as other:
        assert scanner.find(None) == str(usual)
        # That look has filled its queue.
        other.setblocking(False)
        with pytest.raises(BlockingIOError):
            other.connect(str(usual))
        assert scanner.find(None) == str(usual)


@pytest.mark.parametrize(
    ("configured", "found"), [("off", None), ("OFF ", None), ("", None), ("host:1", "host:1")]
)
def test_what_is_configured_is_not_looked_for(
    usual: Path, configured: str, found: str | None
) -> None:
    with daemon(usual):
        assert scanner.find(configured) == found


def test_only_pong_is_an_answer(tmp_path: Path) -> None:
    with daemon(tmp_path / "good", b"PONG\0") as good:
        scanner.ping(good)
    with (
        daemon(tmp_path / "bad", b"UNKNOWN COMMAND\0") as bad,
        pytest.raises(OSError, match="PING"),
    ):
        scanner.ping(bad)
    with daemon(tmp_path / "silent") as silent, pytest.raises(TimeoutError):
        scanner.ping(silent)
    with pytest.raises(ValueError, match="int"):
        scanner.ping("no address")


def test_a_scanner_over_tcp_is_pinged() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(TimeoutError):
            scanner.ping(f"127.0.0.1:{port}")


@pytest.mark.parametrize(
    ("env", "reply", "status"),
    [
        ("development", b"PONG\0", "ok"),
        ("development", None, "degraded"),
        ("production", b"PONG\0", "ok"),
        ("production", None, "unavailable"),
    ],
)
def test_readiness_asks_the_scanner(
    tmp_path: Path, env: str, reply: bytes | None, status: str
) -> None:
    """A configured scanner that is silent makes the service degraded, in production unfit."""

    def no_engines(_: object) -> None:
        raise RecordsUnavailable("staged")

    fine = SimpleNamespace(ready=lambda: None, read=no_engines, glance=no_engines)
    app = Flask("probe")
    app.register_blueprint(blueprint)
    with daemon(tmp_path / "clamd", reply) as address:
        app.extensions["services"] = SimpleNamespace(
            settings=Settings(env=env, redis_url="redis://127.0.0.1:1"),
            records=fine,
            storage=fine,
            disk=SimpleNamespace(check=lambda: None),
            clamd_address=address,
        )
        answer: Any = app.test_client().get("/readyz")
    assert answer.json["parts"]["virus_scanner"]["status"] == status
    assert answer.status_code == (503 if status == "unavailable" else 200)


def test_a_stack_decides_once_and_anew_at_each_start(usual: Path, tmp_path: Path) -> None:
    """All processes read the decision; what the operator set wins, before and after."""

    def recorded(**given: Any) -> str | None:
        write_stack_env(tmp_path, Settings(**given), 8000)
        return Settings.load(data=tmp_path).clamd

    with daemon(usual):
        assert recorded() == str(usual)
        assert recorded(clamd="off") == "off"
        assert recorded(clamd="host:3310") == "host:3310"
        assert recorded() == str(usual)
    assert recorded() == "off"
