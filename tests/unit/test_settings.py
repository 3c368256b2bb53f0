"""What settings make of what an operator writes: addresses, and what is empty."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from uploads.config import ConfigurationError, Settings

CLIENT = Path(__file__).parents[2] / "client" / "src" / "uploads_client"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("HTTPS://Files.Example.ORG:443/", "https://files.example.org"),
        ("https://files.example.org.:8443", "https://files.example.org:8443"),
        ("http://a.example:80", "http://a.example"),
        ("http://a.example:443", "http://a.example:443"),
        ("http://[::1]:8000/", "http://[::1]:8000"),
        ("https://Bücher.example", "https://xn--bcher-kva.example"),
    ],
)
def test_addresses_are_what_a_browser_makes_of_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, written: str, meant: str
) -> None:
    """Else `Host` and `Origin` of every request would be others than the configured ones."""
    for name in ("PUBLIC_URL", "S3_PUBLIC_URL"):
        monkeypatch.setenv(f"UPLOADS_{name}", written)
    settings = Settings.load(data=tmp_path)
    assert (settings.public_url, settings.s3_public_url) == (meant, meant)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("https://a.example/uploads", "has a path"),
        ("https://me:secret@a.example", "is not an address"),
        ("https://a.example?x=1", "is not an address"),
        ("https://a.example:99999", "is not an address"),
        ("https://a b.example", "is not an address"),
        ("ftp://a.example", "is not an address"),
    ],
)
def test_addresses_that_no_client_could_send_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, written: str, said: str
) -> None:
    monkeypatch.setenv("UPLOADS_CONTENT_URL", written)
    with pytest.raises(ConfigurationError, match=f"^UPLOADS_CONTENT_URL: .*{said}"):
        Settings.load(data=tmp_path)


@pytest.mark.parametrize(
    "content", ["https://a.example:8443", "https://A.example.", "http://a.example"]
)
def test_another_port_is_not_another_host(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str
) -> None:
    """The browser would send the app's cookies to it."""
    monkeypatch.setenv("UPLOADS_PUBLIC_URL", "https://a.example")
    monkeypatch.setenv("UPLOADS_CONTENT_URL", content)
    with pytest.raises(ConfigurationError, match="different hosts"):
        Settings.load(data=tmp_path)


def test_what_is_empty_is_not_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of every setting, whatever its form: its default holds, or what a weaker source says."""
    bare = Settings.load(data=tmp_path)
    for name in Settings.model_fields:
        monkeypatch.setenv(f"UPLOADS_{name.upper()}", "")
    assert Settings.load(data=tmp_path) == bare
    (tmp_path / "stack.env").write_text("UPLOADS_MAX_FILE_BYTES=5\n")
    assert Settings.load(data=tmp_path).max_file_bytes == 5


def test_the_clients_variables_may_stand_in_the_same_shell(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whoever tries the client beside the service starts both from there; one like them is none."""
    named = {
        name
        for file in CLIENT.glob("*.py")
        for name in re.findall(r"UPLOADS_[A-Z_]+", file.read_text())
    }
    assert named >= {"UPLOADS_URL", "UPLOADS_KEY"}
    for name in named:
        monkeypatch.setenv(name, "x")
    Settings.load(data=tmp_path)
    monkeypatch.setenv("UPLOADS_KEYS", "x")
    with pytest.raises(ConfigurationError, match=r"^UPLOADS_KEYS is not a setting"):
        Settings.load(data=tmp_path)


def test_the_port_for_metrics_is_not_the_apps(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="another port than UPLOADS_PORT"):
        Settings.load(
            data=tmp_path, port=9101, metrics_token="x" * 16, web_metrics_listen="0.0.0.0:9101"
        )


def test_origins_are_compared_as_browsers_write_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By default there are none."""
    assert Settings.load(data=tmp_path).cors_origins == ()
    written = "https://Tools.Example.org:443, http://127.0.0.1:3000/,http://[::1]:3000"
    monkeypatch.setenv("UPLOADS_CORS_ORIGINS", written)
    assert Settings.load(data=tmp_path).cors_origins == (
        "https://tools.example.org",
        "http://127.0.0.1:3000",
        "http://[::1]:3000",
    )


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("*", "is not an address"),
        ("null", "is not an address"),
        ("https://*.example.org", "is not an address"),
        ("https://tools.example.org/page", "has a path"),
        ("http://tools.example.org", "is not https://"),
        ("http://localhost.example.org", "is not https://"),
        ("https://fine.example.org,tools.example.org", "is not an address"),
        ("http://127.0.0.1:8000", "names the service itself"),
        ("https://fine.example.org,http://localhost:8000", "names the service itself"),
    ],
)
def test_origins_that_are_none_end_the_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, written: str, said: str
) -> None:
    monkeypatch.setenv("UPLOADS_CORS_ORIGINS", written)
    with pytest.raises(ConfigurationError, match=f"UPLOADS_CORS_ORIGINS.* {said}"):
        Settings.load(data=tmp_path)
