"""A rule that does not compile, dropped into the folder of a running service: noticed at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.support.guarded import Guarded, Reader
from uploads.documents.model import State
from uploads.readiness import engines_part
from workers.inspection.yara import Yara
from workers.runtime import Runtime

BROKEN = "rule Own {\n  condition: nonsense\n}\n"


class ReaderOfRules(Reader):
    """The engine that tests can break, with the real rules of an operator."""

    folder: Path

    def fault(self) -> str:
        return self.yara.fault()

    @property
    def yara(self) -> Yara:
        if "_yara" not in self.__dict__:
            self.__dict__["_yara"] = Yara(cast(Any, None), more_rules=self.folder)
        return cast(Yara, self.__dict__["_yara"])


@pytest.fixture
def rule(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "good.yar").write_text("rule Good { condition: false }")
    return folder / "own.yar"


@pytest.fixture
def line(tmp_path: Path, database_url: str, rule: Path) -> Iterator[Guarded]:
    made = Guarded(tmp_path, database_url=database_url)
    made.reader = ReaderOfRules()
    made.reader.folder = rule.parent
    made.engine.inspect = made.reader.inspect  # type: ignore[method-assign]
    made.canaries = made.sing(made.standing)
    made.try_stale = made.canaries.try_stale
    yield made
    made.records.close()


def readiness(line: Guarded) -> dict[str, str]:
    services = cast(Any, SimpleNamespace(scanner_configured=False))
    said = engines_part(services, list(line.standing.last().values()))
    return {"status": said["status"], "detail": said["detail"]}


def test_it_is_written_down_by_the_next_sweep_and_taken_back_once_it_is_mended(
    line: Guarded, rule: Path
) -> None:
    """Without an upload, and long before the next canary; nothing that was clean is doubted."""
    done = SimpleNamespace(
        **dict.fromkeys(("sweep", "expire", "withdraw", "reap", "rescan"), lambda: None),
        try_changed=line.canaries.try_changed,
    )
    runtime = cast(Runtime, done)
    document = line.publish()
    Runtime.do_what_is_due(runtime)
    assert line.canary().ok
    rule.write_text(BROKEN)
    Runtime.do_what_is_due(runtime)
    said = readiness(line)
    assert said["status"] == "unavailable"
    assert f"yara at here cannot be used: UPLOADS_YARA_RULES: {rule}, line 2: " in said["detail"]
    Runtime.do_what_is_due(runtime)
    assert line.trail()[-1] == ("engine.failed", "yara")
    assert [one[0] for one in line.trail()].count("engine.failed") == 1
    assert line.state(document) is State.CLEAN
    rule.unlink()
    line.later(seconds=5)
    Runtime.do_what_is_due(runtime)
    assert (line.canary().ok, line.canary().detail) == (True, "")


def test_or_by_the_inspection_that_meets_it_and_nothing_is_published(
    line: Guarded, rule: Path
) -> None:
    line.publish()
    rule.write_text(BROKEN)
    waiting = line.accept(b"still to be inspected\n")
    line.run(waiting)
    assert line.state(waiting) is State.QUARANTINED
    assert (line.canary().ok, "own.yar, line 2" in line.canary().detail) == (False, True)
    rule.unlink()
    line.later(minutes=2)
    line.run(waiting)
    assert line.state(waiting) is State.CLEAN
