"""Limits by type as an operator writes them, and the page about types."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.unit.test_readers import HOSTILE
from uploads.config import ConfigurationError, Settings
from uploads.documents.kinds import KNOWN
from uploads.documents.policy import Policy
from uploads.web import words
from uploads.wiring import build

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "types.md").read_text()
PARTS = {
    "s3_endpoint": "http://127.0.0.1:9",
    "s3_access_key": "x",
    "s3_secret_key": "x",
    "secret_key": "s" * 32,
}


def settings(tmp_path: Path, **given: Any) -> Settings:
    return Settings.load(data=tmp_path, clamd="off", **{**PARTS, **given})


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("jpg=50MiB,zip=1GiB", {"jpg": 50 << 20, "zip": 1 << 30}),
        (" png = 7 KiB , pdf=99", {"png": 7 << 10, "pdf": 99}),
        ("", {}),
    ],
)
def test_sizes_have_names_and_units(text: str, sizes: dict[str, int], tmp_path: Path) -> None:
    """Bytes, KiB, MiB and GiB; blanks do not matter."""
    assert dict(settings(tmp_path, max_bytes_by_type=text).max_bytes_by_type) == sizes


@pytest.mark.parametrize("text", ["jpg", "jpg=", "jpg=0", "jpg=-1", "jpg=5MB", "jpg=1.5GiB", "=5"])
def test_a_size_that_is_none_is_said_in_one_sentence(text: str, tmp_path: Path) -> None:
    """The service does not start with a limit that it would have to guess."""
    with pytest.raises(ConfigurationError, match=r"UPLOADS_MAX_BYTES_BY_TYPE: .*jpg=50MiB"):
        settings(tmp_path, max_bytes_by_type=text)


def test_an_ending_that_is_not_known_ends_the_start(tmp_path: Path) -> None:
    """Only first endings of known types may have a limit."""
    with pytest.raises(ConfigurationError, match=r"MAX_BYTES_BY_TYPE.*exe"):
        build(settings(tmp_path, max_bytes_by_type="exe=5MiB"))


@pytest.mark.parametrize("given", [{"max_bytes_by_type": "mp4=2GiB"}, {"max_file_bytes": 1 << 31}])
def test_nothing_may_be_larger_than_the_virus_scanner_reads(
    given: dict[str, Any], tmp_path: Path
) -> None:
    """Above ClamAV's ceiling the service starts only without ClamAV."""
    with pytest.raises(ConfigurationError, match=re.escape("2,146,435,072")):
        build(settings(tmp_path, **given).model_copy(update={"clamd": "127.0.0.1:9"}))
    services = build(settings(tmp_path, **given))
    assert services.policy.largest == 1 << 31
    services.records.close()  # type: ignore[attr-defined]


def test_the_page_says_which_kinds_have_limits_of_their_own() -> None:
    """People read the general limit and the exceptions; the script gets each ending's."""
    policy = Policy(max_bytes=1 << 20, max_bytes_by_type={"zip": 5 << 20})
    assert words.limits(policy) == "up to 1 MiB each (ZIP archive up to 5 MiB)"
    assert words.limits(Policy(max_bytes=1 << 20)) == "up to 1 MiB each"
    endings = words.for_script(policy)["policy"]["endings"]
    assert (endings["zip"], endings["png"]) == (5 << 20, 1 << 20)


def test_the_page_about_types_names_every_ending_and_every_reason() -> None:
    """The table in docs/types.md is the code's, and no reason is missing from it."""
    rows = [line.split("|")[1].strip() for line in PAGE.splitlines() if line.startswith("| ")]
    endings = {word for row in rows for word in re.split(r"[ ,]+", row)}
    assert {ending for kind in KNOWN for ending in kind.extensions} <= endings
    reasons = {row.strip("`") for row in rows if row.startswith("`")}
    assert {reason for _, _, reason in HOSTILE.values()} - {"too-deep"} <= reasons
