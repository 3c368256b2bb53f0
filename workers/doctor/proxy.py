"""The way in: what clients meet at the public addresses, and whether they can claim another."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

import urllib3

from uploads.config import Settings
from workers.doctor.checkup import Look
from workers.doctor.findings import Finding, State

PART = "way in"
_SECONDS = 30.0
_TIMEOUT = urllib3.Timeout(connect=3.0, read=8.0)
# As OpenSSL says it, without the place in its source.
_CERTIFICATE = re.compile(r"certificate verify failed: (.+?) \(_ssl")
_REMAINING = re.compile(r'"(?P<budget>[^"]+)";r=(?P<left>\d+)')
# Addresses for documentation (RFC 5737): nobody's budget is spent.
_OTHERS = tuple(f"203.0.113.{number}" for number in (11, 12, 13))
_CLAIMS = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP")


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]


def looks(settings: Settings) -> list[Look]:
    tries = {
        "app": partial(_app, settings),
        "content": partial(_content, settings),
        "other names": partial(_names, settings),
        "client address": partial(_addresses, settings),
    }
    return [Look(PART, name, do, _SECONDS) for name, do in tries.items()]


@dataclass(frozen=True, slots=True)
class _Silence:
    """Nobody answered who could be believed."""

    found: str
    follows: str


def _get(url: str, **headers: str) -> _Answer | _Silence:
    sent = {name.replace("_", "-"): text for name, text in headers.items()}
    try:
        with urllib3.PoolManager(retries=False, timeout=_TIMEOUT) as http:
            found = http.request("GET", url, headers=sent, redirect=False)
    except urllib3.exceptions.SSLError as error:
        cause = _CERTIFICATE.search(str(error))
        told = f"shows a certificate that is not accepted here: {cause[1]}" if cause else str(error)
        return _Silence(
            told, "clients refuse it as well; for an authority of your own set SSL_CERT_FILE"
        )
    except urllib3.exceptions.HTTPError as error:
        follows = "not tried from here: see that clients reach it"
        return _Silence(f"cannot be reached from here ({type(error).__name__})", follows)
    return _Answer(found.status, {name.lower(): text for name, text in found.headers.items()})


def _unreachable(name: str, url: str, silence: _Silence) -> Finding:
    return Finding(PART, name, State.DEGRADED, f"{url} {silence.found}", silence.follows)


def _app(settings: Settings) -> Finding:
    url = settings.public_url
    answer = _get(url + "/")
    if isinstance(answer, _Silence):
        return _unreachable("app", url, answer)
    if answer.status >= 500 or "x-request-id" not in answer.headers:
        found = f"{url} is answered with {answer.status}, not by this service"
        return Finding(PART, "app", State.BROKEN, found, "see the proxy, and UPLOADS_PUBLIC_URL")
    wanted = ["content-security-policy", "x-content-type-options", "cross-origin-opener-policy"]
    wanted += ["strict-transport-security"] if settings.https else []
    if lost := [name for name in wanted if name not in answer.headers]:
        found = "headers are lost on the way: " + ", ".join(lost)
        return Finding(PART, "app", State.DEGRADED, found, "let the proxy pass them on")
    return Finding(PART, "app", State.OK, f"{url} answers, with its headers")


def _content(settings: Settings) -> Finding:
    url = settings.content_url
    answer = _get(url + "/")
    if isinstance(answer, _Silence):
        return _unreachable("content", url, answer)
    if "sandbox" not in answer.headers.get("content-security-policy", ""):
        found = f"{url} is not answered by the content host of this service"
        follows = "previews and links do not work: see the proxy, and UPLOADS_CONTENT_URL"
        return Finding(PART, "content", State.BROKEN, found, follows)
    return Finding(PART, "content", State.OK, f"{url} answers, in its sandbox")


def _names(settings: Settings) -> Finding:
    own = _get(settings.public_url + "/")
    if isinstance(own, _Silence):
        return _unreachable("other names", settings.public_url, own)
    answer = _get(settings.public_url + "/", Host="nobody.invalid")
    if isinstance(answer, _Silence):
        return Finding(PART, "other names", State.OK, "nobody answers under them")
    if answer.status < 400:
        found = f"a foreign Host is answered with {answer.status}"
        follows = "let the proxy refuse it, or pass Host on: the service answers 421"
        return Finding(PART, "other names", State.DEGRADED, found, follows)
    return Finding(PART, "other names", State.OK, f"refused with {answer.status}")


def _addresses(settings: Settings) -> Finding:
    """Three requests that each claim another address: are they counted as one client's?"""
    name, url = "client address", settings.public_url + "/"
    if settings.https and not settings.trusted_proxies:
        found = "UPLOADS_TRUSTED_PROXIES is 0 behind https"
        follows = "all clients share the proxy's address, and its limits: set how many there are"
        return Finding(PART, name, State.DEGRADED, found, follows)
    left: list[tuple[str, int]] = []
    for other in _OTHERS:
        claims = {claim: other if claim != "Forwarded" else f"for={other}" for claim in _CLAIMS}
        answer = _get(url, **claims)
        if isinstance(answer, _Silence):
            return _unreachable(name, settings.public_url, answer)
        if told := _REMAINING.match(answer.headers.get("ratelimit", "")):
            left.append((told["budget"], int(told["left"])))
    if len(left) < len(_OTHERS):
        return Finding(PART, name, State.DEGRADED, "no limits were told", "see the log of the app")
    counts = [count for _, count in left]
    # Each budget of a stranger is whole but for one request; ours goes down.
    if len(set(counts)) == 1:
        found = "a client may claim any address"
        host = urlsplit(settings.public_url).netloc
        follows = f"limits hold nobody: let the proxy of {host} overwrite X-Forwarded-For"
        return Finding(PART, name, State.BROKEN, found, follows)
    return Finding(PART, name, State.OK, "is not what a client claims")
