"""The forms that a setting's text may take, each refused in words when it has another one.

Used by `uploads.config` alone.
"""

from __future__ import annotations

import os
import re
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode

MIB = 1024 * 1024
# sockaddr_un holds 108 bytes, the last of them a NUL.
_SOCKET_PATH_BYTES = 107
_HOST = re.compile(r"[a-z0-9_.-]+|\[[0-9a-f:.]+\]")
_UNITS = {"B": 1, "KiB": 1024, "MiB": MIB, "GiB": 1024 * MIB}
_SECRET_ARN = re.compile(r"arn:[\w-]+:secretsmanager:[\w-]+:\d{12}:secret:[\w/+=.@!-]+")
_DRIVER = re.compile(r"([a-z0-9+]{1,40})://")
_PLAIN_RATE = re.compile(r"[0-9]+/(second|minute|hour|day)")
_NAMED_SIZE = re.compile(r"(?P<name>\S+?)\s*=\s*(?P<count>\d{1,15})\s*(?P<unit>B|KiB|MiB|GiB)?")


def sentence(error: ValueError) -> str:
    """One line out of pydantic's report: the variable and what is wrong with it."""
    problems = getattr(error, "errors", lambda: [{"loc": (), "msg": str(error)}])()
    first = problems[0]
    name = "UPLOADS_" + str(first["loc"][0]).upper() + ": " if first["loc"] else ""
    return name + str(first["msg"]).removeprefix("Value error, ") + "."


def _split(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _networks(value: tuple[str, ...]) -> tuple[str, ...]:
    for net in value:
        ip_network(net)
    return value


def _rate(value: str) -> str:
    if _PLAIN_RATE.fullmatch(value):
        return value
    # A tenth of what each program takes to start, and few rates are written any other way.
    from limits import parse_many  # noqa: PLC0415

    try:
        parse_many(value)
    except ValueError as error:
        raise ValueError(f"{value!r} is not a rate like 600/minute") from error
    return value


_DEFAULT_PORTS = {"http": 80, "https": 443}


def _endpoint(value: str) -> str:
    """An address as browsers write it (RFC 6454 section 6.2), and the path behind it."""
    if not value:
        return value
    url, spelt = urlsplit(value), _authority(value)
    if spelt is None or url.query or url.fragment or "@" in url.netloc:
        raise ValueError(f"{value!r} is not an address like https://files.example.org")
    return f"{url.scheme.lower()}://{spelt}{url.path.rstrip('/')}"


def _authority(value: str) -> str | None:
    """Host and port in small letters, without a last dot and a port that goes without saying."""
    try:
        url = urlsplit(value)
        host, port = (url.hostname or "").removesuffix("."), url.port
        host = f"[{host}]" if ":" in host else host.encode("idna").decode()
    except ValueError:
        return None
    if url.scheme not in _DEFAULT_PORTS or not _HOST.fullmatch(host):
        return None
    return host if port in {None, _DEFAULT_PORTS[url.scheme]} else f"{host}:{port}"


def _origin(value: str) -> str:
    """The same, and nothing behind it: what clients are told, and what they say in `Host`."""
    origin = _endpoint(value)
    if urlsplit(origin).path:
        raise ValueError(f"{value!r} has a path: an address of its own is needed")
    return origin


def _origins(value: tuple[str, ...]) -> tuple[str, ...]:
    """As browsers send them: each is compared whole, so there are no patterns and no `null`."""
    found = tuple(_origin(one) for one in value)
    for written, origin in zip(value, found, strict=True):
        if origin.startswith("http://") and not _is_loopback(urlsplit(origin).hostname or ""):
            raise ValueError(f"{written!r} is not https://, and only loopback may be without")
    return found


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _database(value: str) -> str:
    if value and not value.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
        # Named only where it cannot be anything else, such as a password.
        driver = _DRIVER.match(value)
        known = "must be sqlite:///PATH or postgresql+psycopg://…"
        raise ValueError(f"{driver[1]} is not known, {known}" if driver else known)
    url = urlsplit(value)
    for secret in parse_qs(url.query, keep_blank_values=True).get("password_secret", []):
        if url.password or not _SECRET_ARN.fullmatch(secret):
            raise ValueError(
                "password_secret must be the ARN of a secret of AWS Secrets Manager, and the "
                "address has no password beside it"
            )
    return value


def _redis(value: str) -> str:
    """With TLS the certificate is asked for in so many words: kombu takes any where none are there.

    What is wrong with an option names it and not its value: the address holds a password.
    """
    if value and not value.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("must be redis://…, rediss://… or unix:///PATH")
    address, _, query = value.partition("?")
    options = parse_qsl(query, keep_blank_values=True)
    tls = [(name, said) for name, said in options if name.startswith("ssl_")]
    if not value.startswith("rediss://"):
        if tls:
            raise ValueError(f"{tls[0][0]} needs rediss://")
        return value
    for name, said in tls:
        if said.lower() not in _ALWAYS.get(name, {said.lower()}):
            raise ValueError(f"the certificate of Redis is always verified: leave out {name}")
        if name not in _TLS_FILES and name not in _ALWAYS:
            raise ValueError(f"{name} is no option of a connection to Redis: {_TLS_MEANT}")
    kept = [(name, said) for name, said in options if name not in _ALWAYS]
    return f"{address}?{urlencode([*kept, ('ssl_cert_reqs', 'required')], safe='/')}"


_ALWAYS = {
    "ssl_cert_reqs": {"required", "cert_required"},
    "ssl_check_hostname": {"true", "yes", "1"},
}
_TLS_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_TLS_MEANT = f"there are {', '.join(_TLS_FILES)}"


def _clamd(value: str | None) -> str | None:
    if value is None or value.strip().lower() in {"", "off"} or value.startswith("/"):
        return value
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise ValueError(f"{value!r} is neither a socket's path nor host:port, nor `off`")
    return value


def _sizes(value: Any) -> Any:
    return tuple(_named_size(part) for part in _split(value)) if isinstance(value, str) else value


def _named_size(text: str) -> tuple[str, int]:
    """`jpg=50MiB` as name and bytes. Raises ValueError."""
    found = _NAMED_SIZE.fullmatch(text)
    if found is None or not int(found["count"]):
        raise ValueError(f"{text!r} is not of the form jpg=50MiB")
    return found["name"], int(found["count"]) * _UNITS[found["unit"] or "B"]


def _socket(value: Path | None) -> Path | None:
    if value and len(os.fsencode(value.absolute())) > _SOCKET_PATH_BYTES:
        raise ValueError(f"is longer than {_SOCKET_PATH_BYTES} bytes")
    return value


def _listening(value: str) -> str:
    host, _, port = value.rpartition(":")
    if value and not (host and port.isdecimal() and 0 < int(port) < 65536):
        raise ValueError(f"{value!r} is not host:port, like 0.0.0.0:9101")
    return value


_PORTS = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")


def _ports(value: Any) -> Any:
    return tuple(_port_range(part) for part in _split(value)) if isinstance(value, str) else value


def _port_range(text: str) -> tuple[int, int]:
    """`443` or `8000-8999` as its first and its last port. Raises ValueError."""
    found = _PORTS.fullmatch(text)
    first = int(found[1]) if found else 0
    last = int(found[2] or found[1]) if found else 0
    if not 1 <= first <= last <= 65535:
        raise ValueError(f"{text!r} is not a port like 443 or a range like 8000-8999")
    return first, last


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Networks = Annotated[Names, AfterValidator(_networks)]
NamedSizes = Annotated[tuple[tuple[str, int], ...], NoDecode, BeforeValidator(_sizes)]
Ports = Annotated[tuple[tuple[int, int], ...], NoDecode, BeforeValidator(_ports)]
Rate = Annotated[str, AfterValidator(_rate)]
Origin = Annotated[str, AfterValidator(_origin)]
Origins = Annotated[Names, AfterValidator(_origins)]
Endpoint = Annotated[str, AfterValidator(_endpoint)]
RedisUrl = Annotated[str, AfterValidator(_redis)]
ClamdAddress = Annotated[str | None, AfterValidator(_clamd)]
DatabaseUrl = Annotated[str, AfterValidator(_database)]
Listening = Annotated[str, AfterValidator(_listening)]
SocketPath = Annotated[Path | None, AfterValidator(_socket)]
