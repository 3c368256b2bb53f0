"""Small parts with one claim each: the error table, faults, logs, settings, their page."""

from __future__ import annotations

from pathlib import Path

import pytest

from uploads import faults
from uploads.config import ConfigurationError, Settings
from uploads.config_page import example, page
from uploads.documents.errors import RateLimited, catalogue
from uploads.errors import STATUS
from uploads.logs import redact
from uploads.queue import broker_url

ROOT = Path(__file__).parents[2]


def test_the_status_table_covers_the_catalogue_and_nothing_else() -> None:
    assert {kind.code for kind in catalogue()} == set(STATUS)


def test_every_error_says_when_it_is_raised_and_what_to_do() -> None:
    for kind in catalogue()[1:]:
        assert (kind.__doc__ or "").startswith("Raised when"), kind
        assert kind.title
        assert kind.sentence.endswith(".")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "a minute"), (1, "a second"), (119, "119 seconds"), (120, "2 minutes")],
)
def test_whoever_asks_too_often_is_told_how_long_to_wait(seconds: int | None, words: str) -> None:
    assert f"Wait {words}, then" in RateLimited(seconds).public


def test_an_unarmed_step_does_nothing_and_an_armed_one_acts_when_told() -> None:
    faults.arm(None)
    faults.step("s5")
    faults.arm("s5:fail@2")
    faults.step("s5")
    with pytest.raises(faults.FaultInjected):
        faults.step("s5")
    faults.step("s5")


def test_a_fault_in_a_folder_happens_once_and_when_it_is_there(tmp_path: Path) -> None:
    faults.arm(f"@{tmp_path}")
    try:
        faults.step("s5")
        for file in ("s5:fail", "s5:fail#2", "s6:fail", "s5:wait=0.0"):
            (tmp_path / file).touch()
        for _ in range(2):
            with pytest.raises(faults.FaultInjected):
                faults.step("s5")
        faults.step("s5")
        assert [file.name for file in tmp_path.iterdir()] == ["s6:fail"]
    finally:
        faults.arm(None)


@pytest.mark.parametrize("text", ["s5", "s5:explode", "5:kill", "s5:wait"])
def test_a_fault_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a fault"):
        faults.arm(text)


def test_production_refuses_faults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("UPLOADS_ENV", "production")
    monkeypatch.setenv("UPLOADS_FAULT", "s5:kill")
    with pytest.raises(ConfigurationError, match="refused in production"):
        Settings.load(data=tmp_path)


def test_a_wrong_value_is_one_sentence_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("UPLOADS_MAX_FILE_BYTES", "many")
    with pytest.raises(ConfigurationError, match=r"^UPLOADS_MAX_FILE_BYTES: .*\.$"):
        Settings.load(data=tmp_path)


def test_an_incomplete_server_says_what_it_needs(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="UPLOADS_SECRET_KEY not set"):
        Settings.load(data=tmp_path).require_parts()


def test_one_host_for_app_and_content_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("UPLOADS_PUBLIC_URL", "https://a.example")
    monkeypatch.setenv("UPLOADS_CONTENT_URL", "https://a.example/")
    with pytest.raises(ConfigurationError, match="different hosts"):
        Settings.load(data=tmp_path)


@pytest.mark.parametrize(
    ("path", "proxies", "words"),
    [("/run/web.sock", "0", "needs UPLOADS_TRUSTED_PROXIES"), ("/" + "a" * 107, "1", "107 bytes")],
)
def test_a_socket_that_could_not_serve_a_proxy_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, path: str, proxies: str, words: str
) -> None:
    monkeypatch.setenv("UPLOADS_SOCKET", path)
    monkeypatch.setenv("UPLOADS_TRUSTED_PROXIES", proxies)
    with pytest.raises(ConfigurationError, match=words):
        Settings.load(data=tmp_path)


def test_credentials_do_not_reach_the_log() -> None:
    event = {
        "authorization": "Bearer upk.abc.s3cret",
        "url": "http://s3/x?X-Amz-Signature=abcdef0123&X-Amz-Expires=60",
        "text": "key upk.abc.s3cret was sent",
        "password": "hunter2",
    }
    shown = str(redact(None, "info", event))
    for secret in ("s3cret", "abcdef0123", "hunter2"):
        assert secret not in shown
    assert "X-Amz-Expires=60" in shown


def test_credentials_do_not_reach_the_log_at_any_depth() -> None:
    token = "WyJkb2NfMSIsInQiXQ.aR_x9w.c2lnbmF0dXJl-x"
    event = {
        "report": {"document-uri": f"http://content/renditions/{token}?a=1", "line": 3},
        "tried": [{"Cookie": "session=hunter2"}, ("upk.abc.s3cret",)],
        "route": "/renditions/<token>",
        "path": "/api/v1/documents/doc_1/renditions/thumbnail-200",
    }
    shown = redact(None, "info", dict(event))
    for secret in (token, "c2ln", "hunter2", "s3cret"):
        assert secret not in str(shown)
    assert shown["report"] == {
        "document-uri": "http://content/renditions/[redacted]?a=1",
        "line": 3,
    }
    assert (shown["route"], shown["path"]) == (event["route"], event["path"])


def test_the_configuration_page_is_up_to_date() -> None:
    """Run `make docs` when this fails."""
    assert (ROOT / "docs/configuration.md").read_text() == page()
    assert (ROOT / ".env.example").read_text() == example()


def test_the_brokers_notation_of_a_unix_socket() -> None:
    assert broker_url("unix:///run/redis.sock") == "redis+socket:///run/redis.sock"
    assert broker_url("redis://h:1/0") == "redis://h:1/0"
