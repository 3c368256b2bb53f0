"""Words of RTF that carry objects, hidden from who reads it as plain text."""

from __future__ import annotations

import io

import pytest

from uploads.documents.readers.limits import Limits, Refusal
from workers.inspection.checks.text import check_rtf

_MIB = 1024 * 1024
_OBJECT = rb"\object\objemb{\*\objdata 01}}"


def _check(data: bytes) -> None:
    check_rtf(io.BytesIO(data), "application/rtf", Limits())


@pytest.mark.parametrize("backslashes", [2, 140])
@pytest.mark.parametrize("before", [62, 63, 64, 65, 98, 99])
def test_an_object_is_seen_behind_backslashes_on_a_border(backslashes: int, before: int) -> None:
    with pytest.raises(Refusal, match="active-content"):
        _check(b"{\\rtf1 ".ljust(_MIB - before, b"a") + b"\\" * backslashes + _OBJECT[:7] + b"}")


@pytest.mark.parametrize("backslashes", [2, 140])
@pytest.mark.parametrize("before", [62, 63, 64, 65, 98, 99])
def test_the_word_behind_an_escaped_backslash_is_text(backslashes: int, before: int) -> None:
    _check(b"{\\rtf1 ".ljust(_MIB - before, b"a") + b"\\" * (backslashes - 1) + _OBJECT[:7] + b"}")


def test_a_backslash_that_is_binary_data_escapes_nothing() -> None:
    hidden = _OBJECT.replace(b"\\obj", rb"\bin1 \\obj")
    with pytest.raises(Refusal, match="active-content"):
        _check(rb"{\rtf1{" + hidden + b"}")


def test_binary_data_by_themselves_are_no_object() -> None:
    _check(rb"{\rtf1{\pict\bin4 \\ab}The \\nobject}")
