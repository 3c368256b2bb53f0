"""Secrets out of files, and values that end the start: with name and reason, never the secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from uploads import config_files
from uploads.config import ConfigurationError, Settings
from uploads.config_page import example
from workers.embedded.stack_env import given_settings, write_stack_env

KEY = "a secret of thirty-two characters"
VALUES = {
    "metrics_token": "a token of metrics",
    "secret_key": KEY,
    "secret_keys_old": "x" * 32,
    "database_url": "postgresql+psycopg://u:p@h/d",
    "redis_url": "redis://u:p@h:1/0",
    "s3_access_key": "access",
    "s3_secret_key": "hush",
}


def refused(data: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        Settings.load(data=data)
    return str(caught.value)


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_every_secret_may_come_out_of_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, end: str
) -> None:
    """One line break at its end is not part of it; blanks are."""
    assert set(config_files.NAMES) == set(VALUES)
    for name, value in VALUES.items():
        (tmp_path / name).write_bytes(f"{value}{end}".encode())
        monkeypatch.setenv(f"UPLOADS_{name.upper()}_FILE", str(tmp_path / name))
    (tmp_path / "s3_access_key").write_text(" a \n")
    settings = Settings.load(data=tmp_path)
    assert settings.secret_key.get_secret_value() == KEY
    assert settings.earlier_secret_keys == ("x" * 32,)
    assert settings.database_url == VALUES["database_url"]
    assert settings.redis_url == VALUES["redis_url"]
    assert settings.s3_access_key == " a "
    assert settings.s3_secret_key.get_secret_value() == "hush"


def test_no_secret_setting_is_left_out() -> None:
    secret = {
        name for name, field in Settings.model_fields.items() if "Secret" in str(field.annotation)
    }
    assert secret <= set(config_files.NAMES)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (KEY.encode() + b"\nand more\n", "one line"),
        (KEY.encode() * 2000, "one line"),
        (KEY.encode() + b"\0", "one line"),
        (KEY.encode() + b"\xff", "is not UTF-8"),
    ],
)
def test_a_file_that_holds_no_secret_ends_the_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: bytes, reason: str
) -> None:
    (tmp_path / "key").write_bytes(data)
    monkeypatch.setenv("UPLOADS_SECRET_KEY_FILE", str(tmp_path / "key"))
    said = refused(tmp_path)
    assert said.startswith("UPLOADS_SECRET_KEY_FILE: ")
    assert reason in said
    assert KEY not in said


@pytest.mark.parametrize(
    ("path", "reason"),
    [("/no/such/file", "No such file"), ("/", "Is a directory"), ("", "names no file")],
)
def test_a_file_that_cannot_be_read_ends_the_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, path: str, reason: str
) -> None:
    monkeypatch.setenv("UPLOADS_S3_SECRET_KEY_FILE", path)
    assert reason in refused(tmp_path)


def test_a_secret_in_both_ways_ends_the_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Wherever the two stand: nobody should have to know which is stronger."""
    (tmp_path / "key").write_text(KEY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UPLOADS_SECRET_KEY_FILE", str(tmp_path / "key"))
    (tmp_path / ".env").write_text(f"UPLOADS_SECRET_KEY={KEY}\n")
    assert "are both set" in refused(tmp_path)
    assert KEY not in refused(tmp_path)
    (tmp_path / ".env").write_text("UPLOADS_SECRET_KEY=\n")
    assert Settings.load(data=tmp_path).secret_key.get_secret_value() == KEY


def test_a_file_is_stronger_than_what_an_earlier_start_recorded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """So the file alone decides when it is changed; commands without it go by the record."""
    (tmp_path / "key").write_text(KEY)
    monkeypatch.setenv("UPLOADS_SECRET_KEY_FILE", str(tmp_path / "key"))
    write_stack_env(tmp_path, given_settings(), 8000)
    (tmp_path / "key").write_text(KEY + "!")
    assert Settings.load(data=tmp_path).secret_key.get_secret_value() == KEY + "!"
    monkeypatch.delenv("UPLOADS_SECRET_KEY_FILE")
    assert Settings.load(data=tmp_path).secret_key.get_secret_value() == KEY


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REDIS_URL", "http://user:hush@h"),
        ("DATABASE_URL", "mysql://user:hush@h"),
        ("CLAMD", "clamd"),
        ("CLAMD", "clamd:many"),
        ("SECRET_KEY_FIEL", "hush"),
        ("ENV", "hush"),
    ],
)
def test_a_wrong_value_ends_the_start_with_its_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str
) -> None:
    monkeypatch.setenv(f"UPLOADS_{name}", value)
    said = refused(tmp_path)
    assert said.startswith(f"UPLOADS_{name}")
    assert "hush" not in said


def test_a_short_earlier_key_ends_the_start(tmp_path: Path) -> None:
    given = {"s3_endpoint": "http://h", "s3_access_key": "a", "s3_secret_key": "b"}
    settings = Settings.load(
        data=tmp_path, secret_key=KEY, secret_keys_old=f"{KEY}, short", **given
    )
    with pytest.raises(ConfigurationError, match="SECRET_KEYS_OLD has a key of under 32"):
        settings.require_parts()


def test_each_line_of_the_example_can_be_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """All defaults at once are the same settings as none."""
    monkeypatch.chdir(tmp_path)
    nothing = Settings.load(data=tmp_path)
    lines = [line.removeprefix("#") for line in example().splitlines() if line.startswith("#UP")]
    given = [line for line in lines if not line.endswith("=") and "_FILE=" not in line]
    assert len(lines) == len(Settings.model_fields) + len(config_files.NAMES)
    (tmp_path / ".env").write_text("\n".join(given))
    assert Settings.load(data=tmp_path) == nothing
