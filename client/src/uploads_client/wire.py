"""Requests: to the service with the key, to the store without it, each tried again where it may be.

The only module that knows httpx. The key goes to the service's own address and nowhere else:
redirects are never followed by themselves, and what was signed is sent as it was given.
"""

from __future__ import annotations

import copy
import random
import re
import ssl
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Self, TypeVar

import httpx

from uploads_client import __version__
from uploads_client.answers import SignedRequest
from uploads_client.errors import BY_CODE, NotReachable, NotTrusted, UploadsError
from uploads_client.retrying import Retries, retry_after, still_runs
from uploads_client.sources import PIECE, Body, Stopped

T = TypeVar("T")
Waiting = Callable[[float, UploadsError], None]
_KEY = re.compile(r"[\x21-\x7e]+")
# Far more than a page of any list; whatever sends more than that is no service.
_MOST = 32 * 1024 * 1024
_OF_THE_WAY = frozenset({"content-encoding", "content-length", "transfer-encoding"})
_AGENT = {"User-Agent": f"uploads-client/{__version__}"}
_LEFT = re.compile(r'"([^"]*)";r=(\d+)')
# For how long one call among many waits for its turn at a limit, all in all.
_QUEUE_SECONDS = 3600.0
_LIMITED = 429


class Wire:
    """One service, one key, and connections that are kept. Threads may share it."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout: float,
        retries: Retries,
        verify: bool | ssl.SSLContext,
        transport: httpx.BaseTransport | None,
        waiting: Waiting | None = None,
    ) -> None:
        self._base = base_of(url)
        if not _KEY.fullmatch(key):
            raise ValueError("The key is empty or has characters that no key has.")
        self._key = key
        self._retries, self._waiting = retries, waiting
        self._stop, self._queues = threading.Event(), False
        patience = httpx.Timeout(timeout, connect=min(timeout, 10.0))
        self._http = _connections(timeout=patience, transport=transport, verify=verify)

    def close(self) -> None:
        self._http.close()

    def until(self, stop: threading.Event) -> Self:
        """The same for work of many threads, over the same connections.

        Nothing is tried any more once `stop` is set: Stopped is raised. And what a limit refuses
        (429) waits its turn, which is no try of its own.
        """
        other = copy.copy(self)
        other._stop, other._queues = stop, True
        return other

    def call(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Iterable[bytes] | bytes | None = None,
        redirect: bool = False,
        may_repeat: Callable[[UploadsError], bool] = lambda error: True,
        **more: Any,
    ) -> httpx.Response:
        """Ask the service; `redirect` says that it has to answer with one, else with 2xx.

        Raises UploadsError for every other answer.
        """
        headers = {**(headers or {}), "Authorization": f"Bearer {self._key}"}
        url = f"{self._base}/api/v1{path}"

        def once() -> httpx.Response:
            return self._send(method, url, redirect, headers=headers, content=body, **more)

        return self.repeat(once, may_repeat)

    def put(self, signed: SignedRequest, body: Body) -> None:
        """Do once what a signed request says, verbatim. Raises UploadsError."""
        self._send(signed.method, signed.url, headers=dict(signed.headers), content=body)

    @contextmanager
    def fetching(self, url: str) -> Iterator[Iterator[bytes]]:
        """The body behind an address that was given to us, without the key. Raises UploadsError."""
        # The digest is of the bytes as they are kept.
        headers = {"Accept-Encoding": "identity"}
        with _told(), self._http.stream("GET", url, headers=headers) as answer:
            if answer.status_code != 200:
                raise refusal(_whole(answer))
            yield answer.iter_bytes(PIECE)

    def repeat(
        self,
        once: Callable[[], T],
        may_repeat: Callable[[UploadsError], bool] = lambda error: True,
        sleep: Callable[[float], object] | None = None,
    ) -> T:
        """What `once` returns, tried again after errors that pass. Raises its last UploadsError."""
        tried, waited = 0, 0.0
        while True:
            if self._stop.is_set():
                raise Stopped
            try:
                return once()
            except UploadsError as error:
                asking = waited < self._patience(error)
                tried += 0 if asking else 1
                pause = self._retries.wait(max(1, tried), error, random.random)
                if pause is None or not may_repeat(error):
                    raise
                # A service that says "at once" is not asked for ever either.
                waited += max(1.0, pause) if asking else 0.0
                if self._waiting is not None:
                    self._waiting(pause, error)
            (sleep or self._stop.wait)(pause)

    def _patience(self, error: UploadsError) -> float:
        """Seconds for which this may come again before it counts as a try."""
        if self._queues and error.status == _LIMITED and error.retry_after is not None:
            return _QUEUE_SECONDS
        return self._retries.most_patience if still_runs(error) else 0.0

    def _send(self, method: str, url: str, redirect: bool = False, **more: Any) -> httpx.Response:
        with _told(), self._http.stream(method, url, follow_redirects=False, **more) as found:
            answer = _whole(found)
        if not (answer.has_redirect_location if redirect else answer.is_success):
            raise refusal(answer)
        return answer


def _connections(**options: Any) -> httpx.Client:
    """What keeps the connections. Raises ValueError where the environment's proxy is of no use."""
    try:
        return httpx.Client(headers=_AGENT, **options)
    except httpx.InvalidURL as error:
        raise ValueError(f"The proxy of the environment has no address: {error}.") from error
    except ImportError as error:
        # httpx reads ALL_PROXY and the like, and takes SOCKS only with a package of its own.
        raise ValueError(
            "The environment names a SOCKS proxy: for that, pip install 'httpx[socks]', or unset"
            " its variable (ALL_PROXY, HTTP_PROXY or HTTPS_PROXY)."
        ) from error


@contextmanager
def _told() -> Iterator[None]:
    """Turns what httpx raises for want of an answer into ours."""
    try:
        yield
    except httpx.HTTPError as error:
        words = str(error) or type(error).__name__
        if _untrusted(error):
            raise NotTrusted(
                f"The certificate is not trusted ({words}). For an authority of your own, set"
                " SSL_CERT_FILE to the file with its certificate (in programs, verify=…)."
            ) from error
        raise NotReachable(f"No answer ({words}).") from error
    except httpx.InvalidURL as error:
        raise UploadsError(f"Not an address: {error}.", code="unreadable-answer") from error


def _whole(answer: httpx.Response) -> httpx.Response:
    """The same with its body, which is unpacked. Raises UploadsError where it has no end."""
    body = bytearray()
    for piece in answer.iter_bytes(PIECE):
        body += piece
        if len(body) > _MOST:
            raise UploadsError(
                f"The answer has more than {_MOST:,} bytes. Is this the address of the service?",
                code="unreadable-answer",
                status=answer.status_code,
            )
    headers = [one for one in answer.headers.multi_items() if one[0] not in _OF_THE_WAY]
    return httpx.Response(
        answer.status_code, headers=headers, content=bytes(body), request=answer.request
    )


def _untrusted(error: BaseException | None) -> bool:
    """Whether a certificate was refused: httpx tells it only by what its error came from."""
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None


def base_of(url: str) -> str:
    """The service's address without its end. Raises ValueError for what is none."""
    try:
        found = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ValueError(f"Not an address: {error}.") from error
    if found.scheme not in {"http", "https"} or not found.host or found.userinfo:
        raise ValueError("The address must look like https://uploads.example.org.")
    bare = str(found.copy_with(query=None, fragment=None))
    return bare.rstrip("/").removesuffix("/api/v1")


def fresh_key() -> dict[str, str]:
    """The header that makes a call safe to send again: once under this key, whatever breaks."""
    return {"Idempotency-Key": str(uuid.uuid4())}


def members_of(answer: httpx.Response) -> Any:
    """The JSON of an answer. Raises UploadsError where it is none."""
    try:
        return _json(answer)
    except ValueError as error:
        raise UploadsError(
            "The answer is not JSON. Is this the address of the service?",
            code="unreadable-answer",
            status=answer.status_code,
        ) from error


def _json(answer: httpx.Response) -> Any:
    """What is in the body. Raises ValueError."""
    try:
        return answer.json()
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def refusal(answer: httpx.Response) -> UploadsError:
    """The error that an answer is; one that is no problem+json gets a code of its status."""
    status = answer.status_code
    members: dict[str, Any] = {}
    if "problem+json" in answer.headers.get("Content-Type", ""):
        try:
            found = _json(answer)
            members = found if isinstance(found, dict) else {}
        except ValueError:
            members = {}
    code = str(members.get("code") or f"http-{status}")
    words = str(members.get("detail") or f"{answer.url.host} answered {status}.")
    request_id = members.get("request_id") or answer.headers.get("X-Request-Id")
    return BY_CODE.get(code, UploadsError)(
        words,
        code=code,
        status=status,
        request_id=None if request_id is None else str(request_id),
        members=members,
        retry_after=retry_after(answer.headers.get("Retry-After"), datetime.now(UTC)),
        left=_left(answer.headers),
    )


def _left(headers: httpx.Headers) -> int | None:
    """How many uploads there is room for (draft-ietf-httpapi-ratelimit-headers)."""
    policies = headers.get("RateLimit-Policy", "").split(",")
    bytes_ = {one.split('"')[1] for one in policies if 'qu="content-bytes"' in one}
    found = _LEFT.findall(headers.get("RateLimit", ""))
    return min((int(rest) for name, rest in found if name not in bytes_), default=None)
