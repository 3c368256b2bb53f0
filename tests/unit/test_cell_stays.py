"""Children that stay for further files of one owner, and every doubt that ends them."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, BinaryIO

import psutil
import pytest

from tests.support.cells import BOOT_HOSTILE, cell_children, templates
from tests.support.waiting import eventually
from workers.sandbox import stay, warm
from workers.sandbox.parent import Cell, CellBroken, CellCrashed, CellTimeout, Reply
from workers.sandbox.stay import FILES
from workers.sandbox.warm import Template

MIB = 1024 * 1024
LOADED = {"act": "remember"}

pytestmark = pytest.mark.usefixtures("hostile")


class Patient(Cell):
    """A cell with time for a file, and one second of the processor."""

    def _order(self, *given: Any) -> dict[str, Any]:
        order = super()._order(*given)
        return order | {"limits": order["limits"] | {"cpu_seconds": 1}}


@pytest.fixture
def cell() -> Iterator[Cell]:
    cell = Cell(seconds=60, memory_bytes=256 * MIB)
    yield cell
    cell.close()
    assert cell_children() == []


@pytest.fixture
def patient() -> Iterator[Cell]:
    cell = Patient(seconds=60, memory_bytes=256 * MIB)
    yield cell
    cell.close()


def act(cell: Cell, file: BinaryIO, name: str, whose: str | None = "ann", **more: Any) -> Reply:
    """Show a file to the hostile task."""
    return cell.run("hostile", file, {"act": name}, warm=LOADED, whose=whose, **more)


def remember(cell: Cell, file: BinaryIO, whose: str | None = "ann", **more: Any) -> dict[str, Any]:
    return act(cell, file, "remember", whose, **more).result


def test_stays_for_the_files_of_one_owner(cell: Cell, file: BinaryIO) -> None:
    """Each file has its own reply, in one child, which reads it from its start."""
    assert remember(cell, file)["seen"] == []
    assert act(cell, file, "read").result["head"] == "bytes of a stran"
    assert len(remember(cell, file)["seen"]) == 1
    assert len(cell_children()) == 1


def test_never_serves_two_owners(cell: Cell, file: BinaryIO) -> None:
    """What a child has seen of one owner's file, no file of another's is near."""
    said = [remember(cell, file, whose) for whose in ("ann", "bob", "ann", None, "ann")]
    assert [one["seen"] for one in said] == [[]] * 5
    assert len({one["pid"] for one in said}) == 5


def test_other_bounds_need_another(cell: Cell, file: BinaryIO) -> None:
    first = remember(cell, file)["pid"]
    assert remember(cell, file, memory_bytes=128 * MIB)["pid"] != first


def test_an_open_cell_keeps_nobody(file: BinaryIO) -> None:
    """Where no filter keeps a child from having children of its own, it has one file."""
    cell = Cell(seconds=60, memory_bytes=256 * MIB, confined=False)
    first, second = remember(cell, file), remember(cell, file)
    cell.close()
    assert first["pid"] != second["pid"]
    assert second["seen"] == []


def test_a_number_of_files_ends_it(cell: Cell, file: BinaryIO) -> None:
    said = [remember(cell, file) for _ in range(FILES + 1)]
    assert len({one["pid"] for one in said[:FILES]}) == 1
    assert said[FILES - 1]["pid"] != said[FILES]["pid"]
    assert said[FILES]["seen"] == []


@pytest.mark.parametrize(
    "doubt", ["keep a descriptor", "close the desk", "keep memory", "keep threads"]
)
def test_what_it_keeps_ends_it(cell: Cell, file: BinaryIO, doubt: str) -> None:
    """The file itself has its reply; the next one has a child that never saw it."""
    assert act(cell, file, doubt).result["act"] == doubt
    assert cell_children() == []
    assert remember(cell, file)["seen"] == []
    assert len(remember(cell, file)["seen"]) == 1
    assert len(cell_children()) == 1


@pytest.mark.parametrize(
    "doubt", ["be done early", "be done twice", "answer twice", "html", "close the file"]
)
def test_what_it_says_ends_it(cell: Cell, file: BinaryIO, doubt: str) -> None:
    """An answer that is late, or one too many, is a crash like any other."""
    first = remember(cell, file)["template"]
    with pytest.raises(CellCrashed):
        act(cell, file, doubt)
    again = remember(cell, file)
    assert again["seen"] == []
    assert again["template"] != first


def test_a_word_at_rest_ends_it(cell: Cell, file: BinaryIO) -> None:
    """Whether it comes with the answer, before the next file or during it: that has its reply."""
    with suppress(CellCrashed):
        act(cell, file, "speak at rest")
    for _ in range(FILES):
        assert act(cell, file, "read").result["head"] == "bytes of a stran"


def test_work_at_rest_ends_it(cell: Cell, file: BinaryIO) -> None:
    """Nobody asked it to: its next file would be charged with nothing of it."""
    act(cell, file, "work at rest")
    (child,) = cell_children()
    before = sum(child.cpu_times()[:2])
    eventually(lambda: sum(child.cpu_times()[:2]) > before + 0.5, 60)
    remember(cell, file)
    assert not child.is_running()


def test_a_flaw_ends_it(cell: Cell, file: BinaryIO) -> None:
    """A child whose reply is not flawless has no further file."""
    first = act(cell, file, "refuse", flawless=lambda _: False).result["pid"]
    assert remember(cell, file)["pid"] != first


def test_a_file_is_not_judged_by_those_before(cell: Cell, file: BinaryIO) -> None:
    """Who crashes or refuses in a child that served others is shown to one that did not."""
    act(cell, file, "poison")
    assert remember(cell, file)["seen"] == []
    remember(cell, file)
    reply = act(cell, file, "refuse", flawless=lambda reply: "refused" not in reply.result)
    assert "refused" not in reply.result


def test_a_file_at_fault_is_told_so(cell: Cell, file: BinaryIO) -> None:
    """Also when it was shown twice."""
    remember(cell, file)
    with pytest.raises(CellCrashed):
        act(cell, file, "segv")
    remember(cell, file)
    assert act(cell, file, "read", flawless=lambda _: False).result["act"] == "read"


def test_each_file_has_its_processor_time(patient: Cell, file: BinaryIO) -> None:
    """All before took more together than one may; the last one still may not take more."""
    for _ in range(FILES - 1):
        used = act(patient, file, "burn").usage.cpu_seconds
        assert 0.1 <= used < 1
    with pytest.raises(CellTimeout, match="processor time") as caught:
        act(patient, file, "spin")
    assert 0.5 < caught.value.usage.cpu_seconds < 2
    assert cell_children() == []


def test_a_child_killed_at_rest_costs_nothing(cell: Cell, file: BinaryIO) -> None:
    first = remember(cell, file)
    _kill(first["pid"])
    second = remember(cell, file)
    assert second["seen"] == []
    assert second["template"] == first["template"]


def test_a_template_killed_at_rest_costs_nothing(cell: Cell, file: BinaryIO) -> None:
    """Its child goes with it, and the next file has others: no start is counted."""
    first = remember(cell, file)
    _kill(first["template"])
    eventually(lambda: cell_children() == [], 60)
    assert remember(cell, file)["seen"] == []


def test_an_order_that_nobody_heard(
    cell: Cell, file: BinaryIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A template that is found dead only then is a broken cell, no killed one."""
    monkeypatch.setattr(Template, "suits", lambda *_: True)
    _kill(remember(cell, file)["template"])
    with pytest.raises(CellBroken):
        remember(cell, file)


def _kill(pid: int) -> None:
    process = psutil.Process(pid)
    process.kill()
    eventually(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE, 60)


def test_rests_for_some_seconds_only(
    cell: Cell, file: BinaryIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    main, hurry = (
        "template.main",
        "from workers.sandbox import attendance as a; a.IDLE_SECONDS = 0.05;",
    )
    monkeypatch.setattr(warm, "_BOOT", BOOT_HOSTILE.replace(main, hurry + main))
    first = remember(cell, file)
    eventually(lambda: cell_children() == [], 60)
    second = remember(cell, file)
    assert second["template"] == first["template"]
    assert second["seen"] == []


def test_ends_when_told_to(cell: Cell, file: BinaryIO) -> None:
    """A template that is asked to end takes the child that rests with it."""
    os.kill(remember(cell, file)["template"], signal.SIGTERM)
    eventually(lambda: cell_children() == [] and templates() == [], 60)


def test_a_child_that_dies_of_a_file_at_once_was_handed_it(
    monkeypatch: pytest.MonkeyPatch, file: BinaryIO
) -> None:
    """Else the next one would say into the same pipe what it has said already."""
    ours, theirs = socket.socketpair()
    send_fds = socket.send_fds

    def dies_of_it(*given: Any) -> int:
        sent = send_fds(*given)
        theirs.close()
        return sent

    monkeypatch.setattr(socket, "send_fds", dies_of_it)
    with ours:
        stay.hand_over(ours, {}, [file.fileno()] * 3)
