"""What the plans share: one simulator of AWS on loopback."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.terraform import running_simulator


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_simulator(tmp_path_factory.mktemp("simulator") / "log") as endpoint:
        yield endpoint
