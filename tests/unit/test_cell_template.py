"""The template behind the cell: many files, and no child that learns of another's."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO

import pytest

from tests.support.cells import confined_child, templates
from tests.support.waiting import eventually
from workers.sandbox import parent
from workers.sandbox.parent import Cell, CellBroken, CellCrashed, CellKilled

MIB = 1024 * 1024


@pytest.mark.usefixtures("hostile")
class TestTemplate:
    """Many files, one template, and no child that learns of another's file."""

    @pytest.fixture
    def cell(self) -> Iterator[Cell]:
        cell = Cell(seconds=60, memory_bytes=256 * MIB)
        yield cell
        cell.close()

    def test_each_file_has_a_child_of_its_own(self, cell: Cell, file: BinaryIO) -> None:
        """What one child wrote into its memory, the next does not see; the template is the same."""
        said = [_remember(cell, file) for _ in range(3)]
        assert [one["seen"] for one in said] == [[], [], []]
        assert len({one["pid"] for one in said}) == 3
        assert len({one["template"] for one in said}) == 1

    def test_a_doubt_ends_it(self, cell: Cell, file: BinaryIO) -> None:
        """After a child that crashed, the next file has a new template."""
        first = _remember(cell, file)["template"]
        with pytest.raises(CellCrashed):
            cell.run("hostile", file, {"act": "segv"}, warm={"act": "remember"})
        assert _remember(cell, file)["template"] != first

    def test_a_number_of_files_ends_it(
        self, cell: Cell, file: BinaryIO, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(parent, "FILES_PER_TEMPLATE", 2)
        said = [_remember(cell, file)["template"] for _ in range(3)]
        assert said[0] == said[1] != said[2]

    def test_other_words_need_another(self, cell: Cell, file: BinaryIO) -> None:
        """A task that was loaded with other options, other rules say, is not what was asked for."""
        first = _remember(cell, file)["template"]
        options = {"act": "remember"}
        other = cell.run("hostile", file, options, warm={"act": "remember", "rules": 2}).result
        assert other["template"] != first

    def test_prepared(self, cell: Cell, file: BinaryIO) -> None:
        """What was prepared is used, and what could not be is found out by who needs it."""
        cell.prepare({"hostile": {"act": "remember"}})
        prepared = templates()
        assert _remember(cell, file)["template"] in [one.pid for one in prepared]
        cell.prepare({"hostile": {"act": "missing library"}})
        with pytest.raises(CellBroken):
            cell.run("hostile", file, {}, warm={"act": "missing library"})

    def test_killed(self, cell: Cell, file: BinaryIO) -> None:
        """With the template goes the child; the start stays counted, the next file is served."""
        template = _remember(cell, file)["template"]
        waiting = threading.Thread(target=_kill_once_confined, args=(template,))
        waiting.start()
        with pytest.raises(CellKilled):
            cell.run("hostile", file, {"act": "spin"}, warm={"act": "remember"})
        waiting.join()
        assert templates() == []
        assert _remember(cell, file)["template"] != template

    def test_several_at_once(self, cell: Cell, file: BinaryIO) -> None:
        """Threads have templates of their own, and what is left of them is used again."""
        with ThreadPoolExecutor(4) as threads:
            said = list(threads.map(lambda _: _remember(cell, file)["seen"], range(8)))
        assert said == [[]] * 8
        assert 1 <= len(templates()) <= 4


def _remember(cell: Cell, file: BinaryIO) -> dict[str, Any]:
    """Have a child note something in the memory of its module, and say what it found there."""
    return cell.run("hostile", file, {"act": "remember"}, warm={"act": "remember"}).result


def _kill_once_confined(template: int) -> None:
    eventually(lambda: confined_child(template), 60)
    os.kill(template, signal.SIGKILL)
