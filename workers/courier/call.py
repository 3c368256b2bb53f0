"""One call to an address that a stranger chose: POST, within seconds, and nothing is believed.

The name is resolved once. Every address that it has is judged, and the connection goes to one of
these very addresses, while the certificate is held against the name: whoever answers the next
question for the name otherwise (DNS rebinding) changes nothing. No proxy is asked, no redirect is
followed, and of the answer only the status is read, never a body. Everything together ends at one
deadline; each wait is cut short when the process is asked to stop.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass

import httptools

from uploads.documents.targets import Target, TargetRefused, Targets

_HEAD_BYTES = 32 * 1024
_FIRST_FINAL = 200  # what comes before are interim answers (RFC 9110 section 15.2)
_SLICE_SECONDS = 0.25
_NAMES_AT_ONCE = 32

Resolve = Callable[[str, int], Sequence[str]]
"""Every numeric address of a name, as strings. Raises OSError."""


class CallFailed(Exception):
    """Raised when no answer came; its text is the one word that the webhook's owner is shown.

    `unreached` says that it is the receiver and not this message that is to blame.
    """

    def __init__(self, word: str, *, unreached: bool = True) -> None:
        super().__init__(word)
        self.word = word
        self.unreached = unreached


class Interrupted(Exception):
    """Raised when the process is about to end: whether the call arrived is not known."""


@dataclass(slots=True)
class _Clock:
    """One deadline for everything, and an ear for the wish to stop."""

    end: float
    ending: Callable[[], bool]

    def slice(self) -> float:
        """Seconds for which to wait now. Raises CallFailed and Interrupted."""
        if self.ending():
            raise Interrupted
        left = self.end - time.monotonic()
        if left <= 0:
            raise CallFailed("timeout")
        return min(left, _SLICE_SECONDS)


class Caller:
    """Makes calls, from many threads at once."""

    def __init__(
        self,
        targets: Targets,
        *,
        seconds: float,
        agent: str,
        ending: Callable[[], bool] = lambda: False,
        resolve: Resolve | None = None,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._targets = targets
        self._seconds = seconds
        self._agent = agent
        self._ending = ending
        self._resolve = resolve or resolved
        self._trust = trust or ssl.create_default_context()
        self._names = ThreadPoolExecutor(_NAMES_AT_ONCE, thread_name_prefix="names")

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """The status with which the receiver answered. Raises CallFailed and Interrupted."""
        clock = _Clock(time.monotonic() + self._seconds, self._ending)
        try:
            target = self._targets.read(url)
        except TargetRefused as refused:
            raise CallFailed("address-not-allowed") from refused
        addresses = self._judged(target, clock)
        connection = self._connected(target, addresses, clock)
        try:
            head = _head(target, {"User-Agent": self._agent, **headers}, len(body))
            _send(connection, head + body, clock)
            return _status(connection, clock)
        except (OSError, httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            raise CallFailed(_word_for(error)) from error
        finally:
            connection.close()

    def _judged(self, target: Target, clock: _Clock) -> Sequence[str]:
        """All addresses of the name. One that is not allowed refuses all of them."""
        asked = self._names.submit(self._resolve, target.host, target.port)
        addresses = _awaited(asked, clock)
        if not addresses:
            raise CallFailed("name-not-found")
        if not all(self._targets.allows(address) for address in addresses):
            raise CallFailed("address-not-allowed")
        return addresses

    def _connected(self, target: Target, addresses: Sequence[str], clock: _Clock) -> socket.socket:
        """A connection to the first of the judged addresses that takes one."""
        failure = CallFailed("connect-failed")
        for place, address in enumerate(addresses):
            try:
                return self._connect(target, address, clock, len(addresses) - place)
            except OSError as error:
                failure = CallFailed(_word_for(error, "connect-failed"))
        raise failure

    def _connect(self, target: Target, address: str, clock: _Clock, untried: int) -> socket.socket:
        """One that leaves its share of the time to the addresses that are not tried yet."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        plain = socket.socket(family, socket.SOCK_STREAM)
        try:
            # Numbers, never the name: nothing is resolved a second time.
            plain.settimeout(self._left(clock) / untried)
            plain.connect((address, target.port))
            if target.scheme == "http":
                return plain
            plain.settimeout(self._left(clock))
            return self._trust.wrap_socket(plain, server_hostname=target.host)
        except BaseException:
            plain.close()
            raise

    def _left(self, clock: _Clock) -> float:
        clock.slice()
        return max(0.01, clock.end - time.monotonic())


def resolved(host: str, port: int) -> Sequence[str]:
    """Every address of a name, in the resolver's order. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _awaited(asked: Future[Sequence[str]], clock: _Clock) -> Sequence[str]:
    while True:
        try:
            return asked.result(timeout=clock.slice())
        except NotYet:
            continue
        except (OSError, UnicodeError) as error:
            raise CallFailed("name-not-found") from error


def _head(target: Target, headers: Mapping[str, str], size: int) -> bytes:
    lines = [
        f"POST {target.path} HTTP/1.1",
        f"Host: {target.authority}",
        "Connection: close",
        "Accept-Encoding: identity",
        "Content-Type: application/json",
        f"Content-Length: {size}",
        *(f"{name}: {text}" for name, text in headers.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def _send(connection: socket.socket, data: bytes, clock: _Clock) -> None:
    rest = memoryview(data)
    while rest:
        connection.settimeout(clock.slice())
        try:
            rest = rest[connection.send(rest) :]
        except TimeoutError:
            continue


def _status(connection: socket.socket, clock: _Clock) -> int:
    """Read an answer as far as the end of its head, and no further: the status is all we want."""
    answer, read = _Answer(), 0
    parser = httptools.HttpResponseParser(answer)
    while answer.status is None:
        connection.settimeout(clock.slice())
        try:
            data = connection.recv(4096)
        except TimeoutError:
            continue
        read += len(data)
        if not data:
            raise CallFailed("no-answer")
        if read > _HEAD_BYTES:
            raise CallFailed("answer-too-large", unreached=False)
        answer.feed(parser, data)
    return answer.status


class _Answer:
    """The final status of an answer, once its head is complete."""

    def __init__(self) -> None:
        self.status: int | None = None
        self._heads = 0

    def feed(self, parser: httptools.HttpResponseParser, data: bytes) -> None:
        """Raises HttpParserError for what is no HTTP, but not for what comes behind a head."""
        failure: Exception | None = None
        try:
            parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            failure = error
        status = int(parser.get_status_code()) if self._heads else 0
        if status >= _FIRST_FINAL:
            self.status = status
        elif failure is not None:
            raise failure

    def on_headers_complete(self) -> None:
        self._heads += 1


def _word_for(error: BaseException, otherwise: str = "connection-broken") -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "certificate-refused"
    if isinstance(error, ssl.SSLError):
        return "tls-failed"
    if isinstance(error, httptools.HttpParserError | httptools.HttpParserUpgrade):
        return "not-http"
    return "timeout" if isinstance(error, TimeoutError) else otherwise
