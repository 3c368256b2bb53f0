"""The shipped configuration by itself: nginx takes it, and it says what the code says."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.nginx import SHIPPED, Nginx, program
from uploads.config import Settings
from uploads.documents.errors import catalogue

pytestmark = pytest.mark.one_database
MIB = 1024 * 1024
# Where nginx knows more, or less, than the app would.
OWN_SENTENCES = {403, 408, 502, 504}


@pytest.fixture
def untouched() -> Iterator[Nginx]:
    server = Nginx()
    yield server
    server.close()


def shipped(name: str) -> str:
    return (SHIPPED / name).read_text()


def mapped(name: str) -> dict[str, str]:
    """The pairs of one map of words.conf."""
    (body,) = re.findall(
        rf"^map \S+ \${name} {{$(.*?)^}}$", shipped("parts/words.conf"), re.M | re.S
    )
    found = dict(re.findall(r"^    (\S+) (.+);$", body, re.M))
    return {key: value.strip("\"'") for key, value in found.items()}


def test_nginx_takes_it_without_a_warning(untouched: Nginx) -> None:
    """`nginx -t` is content with the shipped files."""
    run = subprocess.run(untouched.command("-t"), capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "[warn]" not in run.stderr
    assert "test is successful" in run.stderr


def test_it_asks_for_nothing_that_one_of_the_versions_lacks() -> None:
    """From 1.22 to 1.28: neither the `http2` directive (1.25) nor what it made obsolete."""
    assert program()
    for file in SHIPPED.rglob("*.conf"):
        assert not re.search(r"^\s*(http2|listen .*http2)", file.read_text(), re.M), file


def test_its_words_are_those_of_the_catalogue() -> None:
    """Code, title and sentence of each status are the app's own, but for what is named above."""
    errors = {error.code: error for error in reversed(list(catalogue()))}
    codes, titles, details = (mapped(f"problem_{what}") for what in ("code", "title", "detail"))
    assert set(codes) == set(details)
    for status, code in codes.items():
        assert titles.get(code, titles["default"]) == errors[code].title
        if status in {"default", "file"} or int(status) not in OWN_SENTENCES:
            assert details[status] == errors[code].sentence, status


def test_its_statuses_are_those_of_the_contract() -> None:
    """A code comes with the status that the contract gives it; 408, 502 and 504 are nginx's own."""
    from uploads.errors import STATUS

    codes = mapped("problem_code")
    assert codes.pop("default") == "internal"
    assert codes.pop("file") == "file-too-large"
    assert {status for status, code in codes.items() if STATUS[code] != int(status)} == {
        "408",
        "502",
        "504",
    }


def test_its_limits_leave_room_for_those_of_the_service() -> None:
    """What the service itself would still judge, or refuse with a better sentence, gets there."""
    settings = Settings.load(data="/nonexistent")
    one = int(re.findall(r"client_max_body_size (\d+)m;", shipped("site/file-size.conf"))[0])
    form = int(re.findall(r"client_max_body_size (\d+)m;", shipped("site/form-size.conf"))[0])
    assert one * MIB == settings.max_file_bytes + MIB
    assert form == 64 * one
    assert f"    default {settings.max_file_bytes};" in shipped("site/service.conf")
    silence = int(re.findall(r"client_body_timeout (\d+)s;", shipped("site/limits.conf"))[0])
    assert silence > settings.body_seconds
