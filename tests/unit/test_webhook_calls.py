"""One call of a webhook against receivers that mean harm; each on a real socket."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.receiver import receiving, talking
from uploads.documents.targets import Targets
from workers.courier.call import Caller, CallFailed, Interrupted

LOOPBACK = Targets(http=True, ports=[(1024, 65535)], networks=("127.0.0.1/32",))
Act = Callable[[socket.socket], None]


def caller(
    *addresses: str, targets: Targets = LOOPBACK, seconds: float = 60, **more: Any
) -> Caller:
    """One whose resolver knows nothing but these addresses."""

    def resolve(_host: str, _port: int) -> Sequence[str]:
        return addresses or ("127.0.0.1",)

    return Caller(targets, seconds=seconds, agent="tests", resolve=resolve, **more)


def word(of: Caller, url: str) -> str:
    with pytest.raises(CallFailed) as failed:
        of.post(url, {}, b"{}")
    return failed.value.word


def reading(connection: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"\r\n\r\n{}"):
        data += connection.recv(4096)
    return data


def saying(*pieces: bytes) -> Act:
    def act(connection: socket.socket) -> None:
        reading(connection)
        for piece in pieces:
            connection.sendall(piece)
        connection.recv(1)

    return act


def endless(head: bytes, piece: bytes, pause: float = 0) -> Act:
    def act(connection: socket.socket) -> None:
        reading(connection)
        connection.sendall(head)
        while True:
            connection.sendall(piece)
            time.sleep(pause)

    return act


def test_a_call_says_what_it_is_and_takes_the_status() -> None:
    with receiving() as receiver:
        receiver.answer = lambda _: 202
        url = f"http://hooks.example:{receiver.port}/a?b=c"
        assert caller().post(url, {"webhook-id": "1"}, b"{}") == 202
    (call,) = receiver.calls
    assert (call.path, call.body, call.headers["webhook-id"]) == ("/a?b=c", b"{}", "1")
    assert call.headers["host"] == f"hooks.example:{receiver.port}"
    assert call.headers["content-type"] == "application/json"


def test_no_redirect_is_followed() -> None:
    with receiving() as receiver:
        receiver.answer = lambda _: 307
        assert caller().post(receiver.url, {}, b"{}") == 307
        assert len(receiver.calls) == 1


def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with receiving() as receiver:
        assert caller().post(receiver.url, {}, b"{}") == 204


@pytest.mark.parametrize(
    "addresses", [("10.0.0.1",), ("127.0.0.1", "10.0.0.1"), ("::1",), ("127.0.0.2",)]
)
def test_one_forbidden_address_refuses_the_call(addresses: tuple[str, ...]) -> None:
    with receiving() as receiver:
        url = f"http://hooks.example:{receiver.port}/"
        assert word(caller(*addresses), url) == "address-not-allowed"
        assert receiver.calls == []


def test_a_name_is_resolved_once_and_the_judged_address_is_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A resolver that answers the second question otherwise is not asked a second one."""
    asked: list[str] = []
    honest = socket.getaddrinfo

    def rebinding(host: Any, *more: Any, **named: Any) -> Any:
        if host != "rebind.example":
            return honest(host, *more, **named)
        asked.append(host)
        return honest("127.0.0.1" if len(asked) == 1 else "127.0.0.2", *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    with receiving() as receiver:
        real = Caller(LOOPBACK, seconds=60, agent="tests")
        assert real.post(f"http://rebind.example:{receiver.port}/", {}, b"{}") == 204
        assert (asked, len(receiver.calls)) == (["rebind.example"], 1)
        # The next call asks anew, and what it hears then is judged.
        url = f"http://rebind.example:{receiver.port}/"
        assert word(real, url) == "address-not-allowed"
    assert len(receiver.calls) == 1


def test_a_name_that_is_spelt_as_a_number_is_judged_as_that_number() -> None:
    strict = Targets(http=True, ports=[(1024, 65535)], networks=())
    with receiving() as receiver:
        for host in ("127.1", "0x7f000001", "2130706433", "0177.0.0.1", "localhost"):
            real = Caller(strict, seconds=60, agent="tests")
            found = word(real, f"http://{host}:{receiver.port}/")
            assert found in {"address-not-allowed", "name-not-found"}, host
        assert receiver.calls == []


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (lambda connection: connection.close(), {"connection-broken", "no-answer"}),
        (saying(b"SSH-2.0-OpenSSH_9.2\r\n"), {"not-http"}),
        (saying(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n" * 9), {"not-http"}),
        (endless(b"HTTP/1.1 200 OK\r\n", b"X-Endless: and so on\r\n"), {"answer-too-large"}),
        (endless(b"HTTP/1.1 200 OK\r\nX-Endless: ", b"a" * 1000), {"answer-too-large"}),
        (endless(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"), {"answer-too-large"}),
    ],
)
def test_what_is_no_answer_is_told_in_a_word(act: Act, expected: set[str]) -> None:
    with talking(act) as port:
        assert word(caller(), f"http://hooks.example:{port}/") in expected


@pytest.mark.parametrize(
    "act",
    [
        lambda connection: connection.recv(1_000_000) and time.sleep(60),
        endless(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", 0.2),
        endless(b"", b"H", 60),
    ],
)
def test_whoever_hangs_or_trickles_is_left_at_the_deadline(act: Act) -> None:
    """The whole call has one deadline, however the receiver spends the time."""
    ended = threading.Event()

    def hanging(connection: socket.socket) -> None:
        thread = threading.Thread(target=_quiet(act), args=(connection.dup(),), daemon=True)
        thread.start()
        ended.wait(90)

    with talking(hanging) as port:
        assert word(caller(seconds=1), f"http://hooks.example:{port}/") == "timeout"
        ended.set()


def test_an_endless_body_is_not_read() -> None:
    with talking(endless(b"HTTP/1.1 200 OK\r\n\r\n", b"a" * 65536)) as port:
        assert caller().post(f"http://hooks.example:{port}/", {}, b"{}") == 200


def test_interim_answers_are_passed_over() -> None:
    act = saying(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 204 No Content\r\n\r\n")
    with talking(act) as port:
        assert caller().post(f"http://hooks.example:{port}/", {}, b"{}") == 204


def test_a_stop_ends_a_call_whose_fate_is_open() -> None:
    stopping = threading.Event()

    def silent(connection: socket.socket) -> None:
        reading(connection)
        stopping.set()
        connection.recv(1)

    with talking(silent) as port, pytest.raises(Interrupted):
        caller(ending=stopping.is_set).post(f"http://hooks.example:{port}/", {}, b"{}")


def test_a_port_that_nobody_listens_on_and_a_resolver_that_fails() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://hooks.example:{taken.getsockname()[1]}/"
        assert word(caller(), url) == "connect-failed"

    def failing(_host: str, _port: int) -> Sequence[str]:
        raise socket.gaierror("staged")

    lost = Caller(LOOPBACK, seconds=60, agent="tests", resolve=failing)
    assert word(lost, url) == "name-not-found"


@contextmanager
def over_tls(folder: Path, name: str) -> Iterator[tuple[int, ssl.SSLContext]]:
    """A receiver with a certificate for `name`, and what trusts it."""
    key, certificate = folder / "key", folder / "crt"
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test"
    made = ["openssl", *words.split(), "-addext", f"subjectAltName=DNS:{name}"]
    subprocess.run([*made, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)

    def act(connection: socket.socket) -> None:
        with server.wrap_socket(connection, server_side=True) as secure:
            reading(secure)
            secure.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with talking(act) as port:
        yield port, ssl.create_default_context(cafile=certificate)


def test_the_certificate_is_for_the_name_and_not_for_the_address(tmp_path: Path) -> None:
    with over_tls(tmp_path, "hooks.example") as (port, trust):
        assert caller(trust=trust).post(f"https://hooks.example:{port}/", {}, b"{}") == 204
        for url in (f"https://other.example:{port}/", f"https://127.0.0.1:{port}/"):
            assert word(caller(trust=trust), url) == "certificate-refused"
        assert word(caller(), f"https://hooks.example:{port}/") == "certificate-refused"
    with receiving() as plain:
        url = f"https://hooks.example:{plain.port}/"
        assert word(caller(trust=trust), url) in {"tls-failed", "connection-broken"}


def _quiet(act: Act) -> Act:
    def whole(connection: socket.socket) -> None:
        try:
            with connection:
                act(connection)
        except OSError:
            return

    return whole
