"""Browsers that are known: by a cookie that ends with the password it was given for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Request, Response

from uploads.config import Settings
from uploads.documents.model import Role, User
from uploads.security import devices

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ANN = User("usr_1", "ann@example.org", "a hash", Role.USER, NOW)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path)


@pytest.fixture
def asked(settings: Settings) -> Request:
    """What a browser sends in which Ann has signed in."""
    response = Response()
    devices.set_cookie(settings, response, ANN)
    return Request({"HTTP_COOKIE": response.headers["Set-Cookie"].partition(";")[0]})


def test_a_browser_is_known_as_the_same_one_each_time(settings: Settings, asked: Request) -> None:
    numbers = {devices.known(settings, asked, ANN.email, lambda email: ANN) for _ in range(2)}
    assert len(numbers) == 1
    assert None not in numbers


@pytest.mark.parametrize("since", [{"password_hash": "another"}, {"disabled_at": NOW}])
def test_it_is_not_after_a_change_of_the_password_or_while_the_user_is_locked_out(
    settings: Settings, asked: Request, since: dict[str, Any]
) -> None:
    changed = replace(ANN, **since)
    assert devices.known(settings, asked, ANN.email, lambda email: changed) is None


def test_nobody_is_looked_up_for_a_cookie_of_another_account(
    settings: Settings, asked: Request
) -> None:
    def find(email: str) -> User:
        raise AssertionError(email)

    assert devices.known(settings, asked, "bob@example.org", find) is None
    assert devices.known(settings, Request({}), ANN.email, find) is None
