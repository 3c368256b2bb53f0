"""The first moments of the command, and what a terminal is told while it waits."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

import uploads_client
from uploads_client import Client, NotReachable, Retries, UploadsError
from uploads_client.progress import Terminal
from uploads_client.receipts import LocalTrouble

# Somebody's Ctrl-C meets the import of a module, be it ours or another's.
STOPPED_IN = """
import signal, sys
class Ctrl:
    def find_spec(name, path=None, target=None):
        if name == {module!r}:
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Ctrl)
from uploads_client.__main__ import main
sys.exit(main())
"""
Look = Callable[[bool], Terminal]
LIMITED = UploadsError("Too many.", status=429, retry_after=34)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Look:
    """Makes the terminal of a run; pytest has another one for each phase of a test."""

    def made(wanted: bool) -> Terminal:
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        return Terminal(wanted, clock)

    return made


@pytest.mark.parametrize("module", ["uploads_client.command", "argparse", "httpx"])
def test_ctrl_c_is_heard_before_the_rest_is_loaded(module: str) -> None:
    ended = subprocess.run(
        ["env", "--default-signal=INT", sys.executable, "-c", STOPPED_IN.format(module=module)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (130, "uploads-client: stopped.\n")


def test_all_that_programs_may_use_is_there() -> None:
    """Loaded by its name, and known to who lists them."""
    assert all(getattr(uploads_client, name) is not None for name in uploads_client.__all__)
    assert {*uploads_client.__all__} < {*dir(uploads_client)}
    unknown = "Nothing"
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        getattr(uploads_client, unknown)


def test_it_tells_its_version() -> None:
    command = [sys.executable, "-m", "uploads_client", "--version"]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert told == f"uploads-client {uploads_client.__version__}\n"


def test_a_program_hears_of_every_wait() -> None:
    told: list[tuple[float, int | None]] = []
    answers = iter([httpx.Response(429, headers={"Retry-After": "0"}), httpx.Response(503)])

    def answer(request: httpx.Request) -> httpx.Response:
        return next(answers, httpx.Response(204))

    with Client(
        "http://service.test",
        "a-key",
        retries=Retries(first=0),
        transport=httpx.MockTransport(answer),
        waiting=lambda seconds, error: told.append((seconds, error.status)),
    ) as client:
        client.delete("doc_a")
    assert told == [(0.0, 429), (0.0, 503)]


def test_a_wait_is_counted_down_in_words(look: Look, clock: Clock) -> None:
    terminal = look(True)
    with terminal.bar("note.txt"):
        terminal.waits(125, NotReachable("nobody"))
        assert terminal.words() == "No answer. Tries again in 2 min 5 s."
        terminal.waits(34.2, LIMITED)
        clock.now += 30
        told = terminal.words()
        assert told == "Too many requests for now. The service asks to wait; it goes on in 5 s."
        clock.now += 100
        assert terminal.words() is None


def test_whose_verdict_is_waited_for_is_told_too(look: Look, clock: Clock) -> None:
    terminal = look(True)
    with terminal.awaiting("a\x1b[2Jb.txt"):
        clock.now += 12
        assert terminal.words() == "Waiting for the verdict of a?[2Jb.txt: 12 s"
        terminal.waits(3, UploadsError("", status=503, retry_after=3))
        assert "asks to wait; it goes on in 3 s" in str(terminal.words())
    clock.now += 3
    assert terminal.words() is None


def test_where_no_bar_is_a_wait_is_one_line(look: Look, capsys: pytest.CaptureFixture[str]) -> None:
    """However many threads wait, and not at all for what is over at once."""
    terminal = look(True)
    terminal.waits(0.4, LIMITED)
    for _ in range(8):
        terminal.waits(34, LIMITED)
    said = "Too many requests for now. The service asks to wait; it goes on in 34 s."
    assert capsys.readouterr().err == f"uploads-client: {said}\n"


def test_who_did_not_ask_is_told_nothing(look: Look, capsys: pytest.CaptureFixture[str]) -> None:
    terminal = look(False)
    with terminal.bar("note.txt") as shown, terminal.awaiting("note.txt"):
        terminal.waits(34, LIMITED)
    assert shown is None
    assert capsys.readouterr().err == ""


def test_trouble_with_a_file_is_told_in_words(tmp_path: Path) -> None:
    for path, words in (
        (tmp_path, f"{tmp_path} is a folder. Name the files in it, or pack it into one."),
        (tmp_path / "a.txt", f"There is no file {tmp_path / 'a.txt'}."),
        (Path("a" * 300), f"File name too long: {'a' * 300}."),
    ):
        with pytest.raises(OSError) as trouble:
            path.open("rb")
        assert str(LocalTrouble.of(trouble.value)) == words
    assert (
        str(LocalTrouble.of(OSError(28, "No space left on device"))) == "No space left on device."
    )
