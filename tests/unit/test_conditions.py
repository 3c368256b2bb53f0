"""Conditions and ranges: every form that RFC 9110 has, and what is none."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from uploads.api.conditions import Kept, Span, is_unchanged, wanted
from uploads.documents.errors import PreconditionFailed, RangeNotSatisfiable

AT = datetime(2026, 11, 20, 12, 0, 0, 500_000, tzinfo=UTC)
KEPT = Kept("abc", AT, 100)
SAME, BEFORE, AFTER = (
    f"Fri, 20 Nov 2026 {time} GMT" for time in ("12:00:00", "11:59:59", "12:00:01")
)


def request(method: str = "GET", **headers: str) -> Request:
    named: dict[str, Any] = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(EnvironBuilder(method=method, headers=named).get_environ())


@pytest.mark.parametrize(
    ("asked", "span"),
    [
        ("bytes=0-", Span(0, 100)),
        ("bytes=0-0", Span(0, 1)),
        ("bytes=0-99", Span(0, 100)),
        ("bytes=0-100", Span(0, 100)),
        ("bytes=10-19", Span(10, 10)),
        ("bytes=99-", Span(99, 1)),
        ("bytes=99-9999999999", Span(99, 1)),
        ("bytes=-1", Span(99, 1)),
        ("bytes=-100", Span(0, 100)),
        ("bytes=-101", Span(0, 100)),
        ("BYTES=5-6", Span(5, 2)),
        (" bytes = 5-6 ", Span(5, 2)),
        # What is no range, or not one alone: the whole.
        ("", None),
        ("bytes", None),
        ("bytes=", None),
        ("bytes=-", None),
        ("bytes=5", None),
        ("bytes=a-b", None),
        ("bytes=6-5", None),
        ("bytes=--5", None),
        ("bytes=0x1-2", None),
        ("bytes=1-2-3", None),
        ("bytes=٣-٤", None),
        ("bytes=0-" + "9" * 5000, None),
        ("lines=1-2", None),
        ("bytes=0-1,3-4", None),
        ("bytes=0-,0-,0-", None),
    ],
)
def test_a_range_is_read_as_the_rfc_says(asked: str, span: Span | None) -> None:
    assert wanted(request(Range=asked), KEPT) == span


@pytest.mark.parametrize("asked", ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=999999-"])
def test_what_lies_outside_is_refused(asked: str) -> None:
    with pytest.raises(RangeNotSatisfiable):
        wanted(request(Range=asked), KEPT)


@pytest.mark.parametrize(
    ("if_range", "span"),
    [
        ('"abc"', Span(0, 5)),
        ('W/"abc"', None),
        ('"other"', None),
        ("abc", None),
        (SAME, Span(0, 5)),
        (BEFORE, None),
        (AFTER, None),
        ("", None),
    ],
)
def test_a_part_is_sent_of_the_same_bytes_alone(if_range: str, span: Span | None) -> None:
    assert wanted(request(Range="bytes=0-4", If_Range=if_range), KEPT) == span


def test_only_get_has_ranges() -> None:
    assert wanted(request("HEAD", Range="bytes=0-4"), KEPT) is None


@pytest.mark.parametrize(
    ("headers", "unchanged"),
    [
        ({}, False),
        ({"If_None_Match": '"abc"'}, True),
        ({"If_None_Match": 'W/"abc"'}, True),
        ({"If_None_Match": '"x", "abc"'}, True),
        ({"If_None_Match": "*"}, True),
        ({"If_None_Match": '"x"'}, False),
        ({"If_None_Match": ""}, False),
        ({"If_Modified_Since": SAME}, True),
        ({"If_Modified_Since": AFTER}, True),
        ({"If_Modified_Since": BEFORE}, False),
        ({"If_Modified_Since": "yesterday"}, False),
        # The entity-tag decides where both are given.
        ({"If_None_Match": '"x"', "If_Modified_Since": AFTER}, False),
        ({"If_None_Match": '"abc"', "If_Modified_Since": BEFORE}, True),
        ({"If_Match": '"abc"', "If_None_Match": '"abc"'}, True),
        ({"If_Match": "*"}, False),
        ({"If_Unmodified_Since": SAME}, False),
        ({"If_Match": '"abc"', "If_Unmodified_Since": BEFORE}, False),
    ],
)
def test_who_has_it_already_is_told_so(headers: dict[str, str], unchanged: bool) -> None:
    for method in ("GET", "HEAD"):
        assert is_unchanged(request(method, **headers), KEPT) is unchanged


@pytest.mark.parametrize(
    "headers",
    [{"If_Match": '"x"'}, {"If_Match": 'W/"abc"'}, {"If_Unmodified_Since": BEFORE}],
)
def test_a_condition_that_does_not_hold_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(PreconditionFailed):
        is_unchanged(request(**headers), KEPT)
