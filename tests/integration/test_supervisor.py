"""The supervisor itself, shown with stand-in programs: order, restarts, and every way to end."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.supervised import Supervised
from tests.support.waiting import eventually
from workers.embedded.child import Child
from workers.embedded.part import HAS_SPOKEN

pytestmark = pytest.mark.one_database


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Supervised]]:
    stacks: list[Supervised] = []

    def begin(*words: str) -> Supervised:
        stacks.append(Supervised(tmp_path, *words))
        return stacks[-1]

    yield begin
    for stack in stacks:
        stack.close()


def gone(processes: list[psutil.Process]) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=60)
    return not alive


Start = Callable[..., Supervised]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_stops_in_order(start: Start, number: signal.Signals) -> None:
    """Parts start in order, stop one after the other in the stop order, and the exit code is 0."""
    stack = start("first", "errand!0", "second", "third")
    stack.wait_for("ready")
    family = stack.family()
    assert stack.end(number) == 0
    assert stack.events("started") == ["first", "second", "third"]
    assert stack.events("stopped") == ["third", "second", "first"]
    assert gone(family)
    assert not list((stack.folder / "run").iterdir())


def test_what_is_told_first_takes_no_time_of_the_others(start: Start) -> None:
    """It ends while the first of the order still takes its time, and is not told again."""
    stack = start("first", "second=early", "third=deaf-60")
    stack.wait_for("ready")
    stack.process.send_signal(signal.SIGTERM)
    eventually(lambda: stack.events("stopped") == ["second"], 50)
    assert stack.process.poll() is None
    assert stack.end(signal.SIGINT) == 0
    assert stack.events("stopped") == ["second"]


def test_kill_leaves_no_child(start: Start) -> None:
    """After kill -9 of the supervisor alone, none of the programs that it started is left."""
    stack = start("first", "second")
    stack.wait_for("ready")
    family = stack.family()
    assert len(family) == 2
    stack.end(signal.SIGKILL)
    assert gone(family)
    assert stack.events("stopped") == []


def test_kill_in_an_errand_leaves_no_child(start: Start) -> None:
    """The same while an errand runs, before everything is ready."""
    stack = start("first", "errand!wait", "never")
    eventually(lambda: len(stack.family()) == 2, 60)
    family = stack.family()
    stack.end(signal.SIGKILL)
    assert gone(family)


def test_stop_in_an_errand(start: Start) -> None:
    """A stop before everything is ready ends the errand and stops what had been started."""
    stack = start("first", "errand!wait", "never")
    eventually(lambda: len(stack.family()) == 2, 60)
    family = stack.family()
    assert stack.end(signal.SIGTERM) == 0
    assert gone(family)
    assert stack.events("stopped") == ["first"]


def test_children_are_out_of_reach_of_the_terminal(start: Start) -> None:
    """Every program leads a session of its own: the terminal's Ctrl-C does not reach it."""
    stack = start("first", "second")
    stack.wait_for("ready")
    family = stack.family()
    assert {os.getsid(child.pid) for child in family} == {child.pid for child in family}


def test_children_hear_signals(start: Start) -> None:
    """The supervisor waits with its signals blocked; no program starts that way."""
    stack = start("first=deaf")
    stack.wait_for("ready")
    status = Path(f"/proc/{stack.family()[0].pid}/status").read_text()
    assert "\nSigBlk:\t0000000000000000\n" in status


def test_restarts_what_died(start: Start) -> None:
    """A program that is killed is started again; the others live on."""
    stack = start("first", "second")
    stack.wait_for("ready")
    before = {child.pid for child in stack.family()}
    victim = int((stack.folder / "run" / "second.pid").read_text())
    os.kill(victim, signal.SIGKILL)
    assert "was killed by SIGKILL" in stack.wait_for("second")
    eventually(lambda: stack.events("started").count("second") == 2, 60)
    after = {child.pid for child in stack.family()}
    assert before - after == {victim}
    assert stack.end(signal.SIGTERM) == 0
    assert stack.events("stopped") == ["second", "first"]


def test_a_dead_programs_group_is_swept(start: Start) -> None:
    """What a killed program had started itself does not outlive it."""
    stack = start("first=parent")
    stack.wait_for("ready")
    family = stack.family()
    assert len(family) == 2
    os.kill(int((stack.folder / "run" / "first.pid").read_text()), signal.SIGKILL)
    assert gone(family)
    assert stack.end(signal.SIGTERM) == 0


def victim(stack: Supervised, name: str) -> int:
    return int((stack.folder / "run" / f"{name}.pid").read_text())


def test_what_dies_again_and_again_is_tried_again_and_again(start: Start) -> None:
    """A cause may pass: each pause is longer than the one before, the rest lives on meanwhile."""
    stack = start("first", "second=doomed-9")
    stack.wait_for("ready")
    os.kill(victim(stack, "second"), signal.SIGKILL)
    lines = [stack.wait_for("is started again in") for _ in range(8)]
    pauses = [float(line.partition(" again in ")[2].split()[0]) for line in lines]
    assert pauses == [0.01 * 2**n for n in range(8)]
    assert all("second ended with code 3" in line for line in lines[1:])
    eventually(lambda: stack.events("started").count("second") == 9, 60)
    assert stack.events("started").count("first") == 1
    assert stack.end(signal.SIGTERM) == 0
    assert stack.events("stopped") == ["second", "first"]


def test_a_disk_that_was_full_for_a_while(start: Start) -> None:
    """Nothing can be written, the pid file neither: what dies is back once there is room again."""
    stack = start("first", "second")
    stack.wait_for("ready")
    _, most = resource.prlimit(stack.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(stack.process.pid, resource.RLIMIT_FSIZE, (0, most))
    os.kill(victim(stack, "second"), signal.SIGKILL)
    stack.wait_for("second was killed by SIGKILL")
    stack.wait_for("second ended with code 1")
    resource.prlimit(stack.process.pid, resource.RLIMIT_FSIZE, (most, most))
    eventually(lambda: stack.events("started").count("second") == 2, 60)
    assert stack.end(signal.SIGTERM) == 0
    assert stack.events("stopped") == ["second", "first"]


def test_the_pid_file_is_a_courtesy(start: Start) -> None:
    """Where it cannot be written, the program is started again all the same, and once only."""
    stack = start("first", "second")
    stack.wait_for("ready")
    number, run = victim(stack, "second"), stack.folder / "run"
    run.rename(stack.folder / "moved")
    run.touch()
    os.kill(number, signal.SIGKILL)
    eventually(lambda: stack.events("started").count("second") == 2, 60)
    assert len(stack.family()) == 2
    assert stack.end(signal.SIGTERM) == 0
    assert stack.events("stopped") == ["second", "first"]


def test_a_start_that_fails_is_tried_again(start: Start) -> None:
    """A program that cannot be started for a while is named, and is back when it can be."""
    stack = start("first", "second=file")
    stack.wait_for("ready")
    program = stack.folder / "second.sh"
    program.rename(stack.folder / "away")
    os.kill(victim(stack, "second"), signal.SIGKILL)
    assert str(program) in stack.wait_for("second cannot be started: ")
    (stack.folder / "away").rename(program)
    eventually(lambda: stack.events("started").count("second") == 2, 60)
    assert stack.end(signal.SIGTERM) == 0


def test_a_signal_to_what_just_died_spares_nothing_of_its_group(tmp_path: Path) -> None:
    """A program that dies before it is told to stop is still swept, with all that it started."""
    note = tmp_path / "left"
    argv = ["/bin/sh", "-c", f"sleep 600 & echo $! >{note}; exec /bin/true"]
    child = Child("short", argv, dict(os.environ), tmp_path)
    eventually(lambda: psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE, 60)
    left = psutil.Process(int(note.read_text()))
    child.tell(signal.SIGTERM)
    child.kill()
    assert gone([left])
    child.tell(signal.SIGTERM)


@pytest.mark.parametrize(
    ("takes_turns", "policy"), [(True, os.SCHED_BATCH), (False, os.SCHED_OTHER)]
)
def test_only_who_takes_turns_interrupts_nobody(
    tmp_path: Path, takes_turns: bool, policy: int
) -> None:
    """So it stays behind the program that is started, and for what that starts."""
    argv = ["/bin/sh", "-c", "sleep 600 & exec sleep 600"]
    child = Child("calm", argv, dict(os.environ), tmp_path, takes_turns=takes_turns)
    try:
        eventually(lambda: psutil.Process(child.pid).children() != [], 60)
        both = [child.pid, psutil.Process(child.pid).children()[0].pid]
        assert [os.sched_getscheduler(pid) for pid in both] == [policy, policy]
    finally:
        child.kill()


def test_a_death_while_starting_ends_the_start(start: Start) -> None:
    """A program that ends before it answered is named; nothing is tried again."""
    stack = start("first", "second=brittle", "third")
    stack.wait_for("second ended with code 3 while the stack was starting.")
    assert stack.end() == 1
    assert stack.events("stopped")[-1] == "first"


def test_a_failed_errand_ends_the_start(start: Start) -> None:
    """An errand that fails is named; what had been started is stopped; nothing else is."""
    stack = start("first", "errand!4", "never")
    assert stack.wait_for("errand") == "errand ended with code 4."
    assert stack.end() == 1
    assert stack.events("started") == ["first"]
    assert stack.events("stopped") == ["first"]


def test_an_errand_that_has_spoken_has_the_last_word(start: Start) -> None:
    """Where an errand said itself why it failed, only its own sentence stands there."""
    stack = start("first", f"errand!{HAS_SPOKEN}", "never")
    assert stack.end() == 1
    assert stack.rest() == ""
    assert stack.events("stopped") == ["first"]


def test_kills_what_does_not_listen(start: Start) -> None:
    """A program that ignores the stop is killed after its patience, and the others still stop."""
    stack = start("first", "second=deaf")
    stack.wait_for("ready")
    family = stack.family()
    assert stack.end(signal.SIGTERM) == 0
    assert gone(family)
    assert stack.events("stopped") == ["first"]


def test_second_interrupt_kills_at_once(start: Start) -> None:
    """Ctrl-C a second time waits for nobody."""
    stack = start("first", "second", "third=deaf-50")
    stack.wait_for("ready")
    family = stack.family()
    stack.process.send_signal(signal.SIGINT)
    stack.wait_for("Stopping")
    assert stack.end(signal.SIGINT) == 0
    assert gone(family)
    assert stack.events("stopped") == []
