"""The command: its receipts, its exit codes, and never a traceback."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support import samples
from tests.support.grants import TEXT, used
from tests.support.people import PATIENCE, Person
from tests.support.ports import free_port
from tests.support.waiting import eventually

pytestmark = pytest.mark.one_database

COMMAND = [sys.executable, "-m", "uploads_client"]
DIGEST = hashlib.sha256(TEXT).hexdigest()


def environment(person: Person, **more: str) -> dict[str, str]:
    return {**os.environ, "UPLOADS_URL": person.stack.base_url, "UPLOADS_KEY": person.key, **more}


def said(
    person: Person, *words: str, code: int = 0, given: bytes = b"", **more: str
) -> tuple[str, str]:
    """Output and complaints of the command, which ends with `code`."""
    run = subprocess.run(
        [*COMMAND, *words],
        env=environment(person, **more),
        input=given,
        capture_output=True,
        timeout=2 * PATIENCE,
        check=False,
    )
    out, err = run.stdout.decode(), run.stderr.decode()
    assert run.returncode == code, out + err
    assert "Traceback" not in out + err
    assert person.key not in out + err
    return out, err


def until_closed(terminal: int) -> bytes:
    """All that is written to a terminal until nobody has it open any more."""
    shown = b""
    # Which Linux tells by an error.
    with os.fdopen(terminal, "rb", buffering=0) as stream, suppress(OSError):
        while piece := stream.read(4096):
            shown += piece
    return shown


@pytest.fixture
def note(tmp_path: Path) -> Path:
    (tmp_path / "note.txt").write_bytes(TEXT)
    return tmp_path / "note.txt"


def test_from_upload_to_removal(person: Person, note: Path, tmp_path: Path) -> None:
    """Upload with a receipt, list, wait, fetch, remove."""
    receipt, err = said(person, "upload", str(note))
    assert err == ""
    [found] = person.documents()
    for word in ("note.txt", found["id"], f"{len(TEXT)} bytes", DIGEST, "verdict  clean"):
        assert word in receipt
    assert found["id"] in said(person, "ls", "--state", "clean")[0]
    assert DIGEST in said(person, "wait", found["id"])[0]
    said(person, "get", found["id"], "-o", str(tmp_path / "copy.txt"))
    assert (tmp_path / "copy.txt").read_bytes() == TEXT
    assert said(person, "get", found["id"], "-o", "-")[0].encode() == TEXT
    assert "exists" in said(person, "get", found["id"], "-o", str(note), code=2)[1]
    said(person, "rm", found["id"])
    assert said(person, "ls") == ("", "")


def test_json_is_one_object_a_line(person: Person, note: Path, tmp_path: Path) -> None:
    """Also of what was refused, and the exit code says that something was."""
    (tmp_path / "setup.exe").write_bytes(b"MZ" + bytes(100))
    out, err = said(person, "upload", "--json", str(note), str(tmp_path / "setup.exe"), code=1)
    assert err == ""
    clean, refused = (json.loads(line) for line in out.splitlines())
    assert (clean["state"], clean["sha256"], clean["size"]) == ("clean", DIGEST, len(TEXT))
    assert clean["verdict"]["outcome"] == "clean"
    assert (refused["error"]["code"], refused["error"]["status"]) == ("type-not-allowed", 415)
    assert refused["error"]["request_id"]
    [listed] = said(person, "--json", "ls")[0].splitlines()
    assert json.loads(listed)["id"] == clean["id"]


def test_a_virus_ends_with_1_and_its_name(person: Person, tmp_path: Path) -> None:
    (tmp_path / "eicar.txt").write_bytes(samples.eicar())
    out, _ = said(person, "upload", str(tmp_path / "eicar.txt"), code=1)
    assert "verdict  infected (" in out
    [found] = person.documents()
    assert "not-clean" in said(person, "get", found["id"], "-o", str(tmp_path / "x"), code=1)[1]
    assert not (tmp_path / "x").exists()


def test_standard_input_is_a_file_too(person: Person) -> None:
    out, _ = said(person, "upload", "-", "--name", "piped.txt", "--json", given=TEXT)
    assert json.loads(out)["name"] == "piped.txt"
    assert json.loads(out)["sha256"] == DIGEST


def test_a_key_can_be_in_a_file(person: Person, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(person.key + "\n")
    assert said(person, "ls", "--key-file", str(tmp_path / "key"), UPLOADS_KEY="wrong") == ("", "")
    assert "unauthenticated" in said(person, "ls", code=1, UPLOADS_KEY="wrong")[1]


def test_wrong_usage_ends_with_2_and_sends_nothing(person: Person, note: Path) -> None:
    for words in (
        ["upload", str(note), "/nowhere/at/all.txt"],
        ["upload", str(note), str(note.parent)],
        ["upload", "--name", "a.txt", str(note), str(note)],
        ["upload"],
        ["upload", "-"],
        ["get", "../me"],
        ["wait", "--timeout", "nan", "doc_a"],
        ["ls", "--url", "ftp://example.org"],
    ):
        said(person, *words, code=2)
    said(person, "ls", code=2, UPLOADS_KEY="")
    assert used(person) == (0, 0)


def test_nobody_there_ends_with_3(person: Person, note: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    out, _ = said(person, "upload", str(note), "--json", "--url", nowhere, code=3)
    assert json.loads(out)["error"]["code"] == "not-reachable"


def test_no_verdict_in_time_ends_with_3_and_keeps_the_id(person: Person, note: Path) -> None:
    """Also where the verdict came in no time: then it is 0."""
    run = subprocess.run(
        [*COMMAND, "upload", "--json", "--timeout", "0", str(note)],
        env=environment(person),
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    told = json.loads(run.stdout)
    assert told["id"].startswith("doc_")
    assert run.returncode == (3 if "error" in told else 0)
    assert told.get("error", {"code": "timeout"})["code"] == "timeout"


@pytest.mark.parametrize("installed", [True, False])
def test_a_terminal_gets_a_bar_where_one_is_installed(
    installed: bool, person: Person, note: Path
) -> None:
    """Without it the command works all the same, and says what to install."""
    main = "import sys; from uploads_client.command import main; sys.exit(main())"
    without = "" if installed else "import sys; sys.modules['rich'] = None; "
    near, far = pty.openpty()
    with (note.parent / "out").open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", without + main, "upload", "--no-wait", str(note)],
            env=environment(person, TERM="xterm"),
            stdout=out,
            stderr=far,
        )
    os.close(far)
    shown = until_closed(near)
    assert process.wait(PATIENCE) == 0, shown
    assert DIGEST in (note.parent / "out").read_text()
    assert (b"pip install 'uploads-client[cli]'" in shown) is not installed
    assert (b"note.txt" in shown) is installed


def test_ctrl_c_ends_with_130_and_leaves_nothing(person: Person, tmp_path: Path) -> None:
    """In the middle of a file that never ends."""
    fifo = tmp_path / "endless.txt"
    os.mkfifo(fifo)
    process = subprocess.Popen(
        # Whoever runs these tests in the background ignores Ctrl-C, and so would the command.
        ["env", "--default-signal=INT", *COMMAND, "upload", str(fifo)],
        env=environment(person),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with fifo.open("wb") as end:
        end.write(TEXT)
        end.flush()
        eventually(lambda: _waits_for_more(process.pid, end.fileno()), PATIENCE)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, out + err
    assert b"Traceback" not in out + err
    assert b"stopped" in err
    eventually(lambda: person.documents() == [], PATIENCE)


def _waits_for_more(pid: int, pipe: int) -> bool:
    """Whether it has read all and sleeps: a signal right before that would be heard late."""
    left = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0]
    return left == 0 and "pipe_read" in Path(f"/proc/{pid}/wchan").read_text()
