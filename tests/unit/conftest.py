"""What unit tests share: a line in miniature, cheap passwords, no fault left armed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.accounts import PASSWORD, Bench
from tests.support.line import Line
from uploads import faults
from uploads.documents.model import Role, User


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    made = Line(tmp_path)
    yield made
    made.records.close()


@pytest.fixture(autouse=True)
def _no_faults() -> Iterator[None]:
    yield
    faults.arm(None)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "accounts.db")
    yield bench
    bench.records.close()


@pytest.fixture
def ann(bench: Bench) -> User:
    return bench.accounts.create_user("ann@example.org", PASSWORD)


@pytest.fixture
def boss(bench: Bench) -> User:
    return bench.accounts.create_user("boss@example.org", PASSWORD, Role.ADMIN)
