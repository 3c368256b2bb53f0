"""The keys of a role: asked of the platform as ECS gives them, and never used unasked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from uploads.config import ConfigurationError, Settings
from uploads.documents.errors import StorageUnavailable
from uploads.storage.keys import Keys, of_role
from uploads.storage.protocol import Bucket
from uploads.storage.s3 import S3


class Platform(BaseHTTPRequestHandler):
    """Answers like the credentials endpoint of ECS, with other keys each time."""

    given = 0
    life = timedelta(hours=6)

    def do_GET(self) -> None:
        type(self).given += 1
        until = datetime.now(UTC) + self.life
        body = json.dumps({
            "AccessKeyId": f"ASIA{self.given}",
            "SecretAccessKey": f"secret{self.given}",
            "Token": f"token/{self.given}",
            "Expiration": until.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }).encode()  # fmt: skip
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Platform]]:
    kind = type("OnePlatform", (Platform,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/role"
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
        monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
        yield kind
        server.shutdown()
        thread.join()


def test_keys_are_asked_for_once_while_they_last(platform: type[Platform]) -> None:
    keys = of_role()
    assert [keys(), keys()] == [Keys("ASIA1", "secret1", "token/1")] * 2
    assert platform.given == 1


def test_keys_that_end_are_replaced_before(platform: type[Platform]) -> None:
    platform.life = timedelta(minutes=5)
    keys = of_role()
    assert keys() != keys()


def test_both_kinds_of_addresses_carry_the_token(platform: type[Platform]) -> None:
    """Those that we sign ourselves and those of boto3."""
    s3 = S3(
        endpoint="https://s3.eu-central-1.amazonaws.com",
        public_url="https://s3.eu-central-1.amazonaws.com",
        region="eu-central-1",
        access_key=None,
        secret_key=None,
    )
    put = s3.sign_put(Bucket.INCOMING, "a/1", headers={"Content-Length": "1"}, seconds=60)
    get = s3.sign_get(
        Bucket.CLEAN, "a/1", disposition="attachment", content_type="text/plain", seconds=60
    )
    for url in (put, get):
        assert parse_qs(urlsplit(url).query)["X-Amz-Security-Token"][0].startswith("token/")
    assert platform.given


def test_without_a_role_the_store_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boto3.Session.get_credentials", lambda _: None)
    with pytest.raises(StorageUnavailable):
        of_role()()


def test_a_role_and_a_key_exclude_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPLOADS_S3_KEYS", "role")
    monkeypatch.setenv("UPLOADS_S3_ENDPOINT", "https://s3.eu-central-1.amazonaws.com")
    monkeypatch.setenv("UPLOADS_SECRET_KEY", "x" * 32)
    assert Settings.load().require_parts().s3_keys == "role"
    monkeypatch.setenv("UPLOADS_S3_ACCESS_KEY", "AKIA")
    with pytest.raises(ConfigurationError, match="UPLOADS_S3_KEYS"):
        Settings.load()
