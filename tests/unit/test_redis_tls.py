"""Redis over TLS: whoever of us talks to it looks at its certificate, and at its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import ConnectionError as RedisAway

from tests.support import tls
from uploads.config import ConfigurationError, Settings
from uploads.queue import JOB_QUEUE, make_celery, waiting
from uploads.roundtrips import Push, RoundTrips
from uploads.security.limits import make_limiter

AWAY = (RedisAway, OperationalError)


def _hints(settings: Settings) -> bool:
    """Of Celery, as workers, the clock and hints have it."""
    with make_celery(settings.redis_url).connection_for_write() as connection:
        return bool(connection.default_channel.client.ping())


def _commands(settings: Settings) -> bool:
    return RoundTrips(settings.redis_url, 5).run([Push("tls", [b"1"])]) != []


def _limits(settings: Settings) -> bool:
    limiter = make_limiter(Flask("limited"), settings)
    if not limiter.storage.check():
        raise RedisAway
    return True


def _client(settings: Settings) -> bool:
    """Of redis-py, as the probes, the doctor and what is found of the store have it."""
    with Redis.from_url(settings.redis_url) as redis:
        return bool(redis.ping())


USERS = [_hints, _commands, _limits, _client]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return tls.certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def port(redis_url: str, shown: dict[str, Path]) -> Iterator[int]:
    with tls.in_front_of(redis_url.removeprefix("unix://"), shown["app"]) as found:
        yield found


def settings(tmp_path: Path, port: int, host: str = "localhost", query: str = "") -> Settings:
    return Settings.load(data=tmp_path, redis_url=f"rediss://{host}:{port}/0{query}")


@pytest.mark.parametrize("use", USERS)
def test_a_certificate_that_is_known_is_taken(
    tmp_path: Path, port: int, shown: dict[str, Path], use: Callable[[Settings], bool]
) -> None:
    assert use(settings(tmp_path, port, query=f"?ssl_ca_certs={shown['app']}"))


@pytest.mark.parametrize("use", USERS)
@pytest.mark.parametrize("known", ["store", None])
def test_one_that_is_not_known_ends_the_connection(
    tmp_path: Path,
    port: int,
    shown: dict[str, Path],
    known: str | None,
    use: Callable[[Settings], bool],
) -> None:
    """By another authority, and by the system's alone."""
    query = f"?ssl_ca_certs={shown[known]}" if known else ""
    with pytest.raises(AWAY):
        use(settings(tmp_path, port, query=query))


@pytest.mark.parametrize("use", USERS)
def test_one_of_another_name_ends_the_connection(
    tmp_path: Path, port: int, shown: dict[str, Path], use: Callable[[Settings], bool]
) -> None:
    with pytest.raises(AWAY):
        use(settings(tmp_path, port, "127.0.0.1", f"?ssl_ca_certs={shown['app']}"))


def test_what_cannot_be_counted_is_nothing(tmp_path: Path, port: int) -> None:
    assert waiting(settings(tmp_path, port).redis_url, JOB_QUEUE) == 0


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("rediss://:s3cret@a/0?ssl_cert_reqs=none", "always verified: leave out ssl_cert_reqs"),
        ("rediss://a/0?ssl_cert_reqs=CERT_NONE", "always verified"),
        ("rediss://a/0?ssl_cert_reqs=optional", "always verified"),
        ("rediss://a/0?ssl_cert_reqs=", "always verified"),
        ("rediss://a/0?ssl_cert_reqs=required&ssl_cert_reqs=none", "always verified"),
        ("rediss://a/0?ssl_check_hostname=false", "leave out ssl_check_hostname"),
        ("rediss://a/0?ssl_exclude_verify_flags=[VERIFY_X509_STRICT]", "there are ssl_ca_certs"),
        ("redis://a/0?ssl_ca_certs=/ca.crt", "ssl_ca_certs needs rediss://"),
    ],
)
def test_nobody_can_be_told_not_to_look(tmp_path: Path, url: str, said: str) -> None:
    """Refused before anything starts, and without the password."""
    with pytest.raises(ConfigurationError, match=said) as refused:
        Settings.load(data=tmp_path, redis_url=url)
    assert "s3cret" not in str(refused.value)
