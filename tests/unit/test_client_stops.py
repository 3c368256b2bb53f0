"""Who stops the client waits for nobody, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from tests.support.silent_store import SilentStore, silent_store
from tests.support.waiting import eventually
from uploads_client import Client, UploadsError
from uploads_client.stopping import Stop

# Half of the time for which the client waits for an answer: it must not end by that.
LONG = 30
KIB = 1024


@pytest.mark.parametrize(
    ("words", "sent", "code"),
    [("INT", signal.SIGINT, 130), ("TERM", signal.SIGTERM, 143), ("HUP", signal.SIGHUP, 129)],
)
def test_a_signal_ends_the_command_while_the_store_says_nothing(
    words: str, sent: signal.Signals, code: int, tmp_path: Path
) -> None:
    """All parts were read, none is answered, and the grant is given back."""
    (tmp_path / "film.mp4").write_bytes(bytes(4 * KIB))
    with silent_store(2 * KIB, 2) as store:
        command = [sys.executable, "-m", "uploads_client", "upload", "--method", "multipart"]
        process = subprocess.Popen(
            # Whoever runs these tests in the background ignores Ctrl-C, and so would the command.
            ["env", f"--default-signal={words}", *command, str(tmp_path / "film.mp4")],
            env={**os.environ, "UPLOADS_URL": store.url, "UPLOADS_KEY": "a-key"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            eventually(lambda: store.read == [2 * KIB, 2 * KIB], LONG)
            process.send_signal(sent)
            out, err = process.communicate(timeout=LONG)
        finally:
            process.kill()
        assert process.returncode == code, out + err
        assert b"stopped" in err
        assert b"Traceback" not in out + err
        assert store.aborted == ["/api/v1/uploads/upl_a"]


def test_a_second_signal_does_not_break_off_the_tidying_up() -> None:
    """`timeout` sends its signal to the command, and once more to its group."""
    program = (
        "import signal; from uploads_client.stopping import Stop, heard\n"
        "with heard():\n"
        "    try: signal.raise_signal(signal.SIGTERM)\n"
        "    except Stop as stop: code = stop.exit_code\n"
        "    signal.raise_signal(signal.SIGTERM); signal.raise_signal(signal.SIGINT)\n"
        "    print(code)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, timeout=LONG, check=False
    )
    assert (run.returncode, run.stdout) == (0, b"143\n"), run.stderr


def test_the_library_leaves_signals_alone() -> None:
    """Its import and a client that was used have set no handler."""
    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    transport = httpx.MockTransport(_refuses)
    with (
        Client("http://service.test", "a-key", transport=transport) as client,
        pytest.raises(UploadsError),
    ):
        client.upload(b"a", name="a.txt", method="put")
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == before
    assert not issubclass(Stop, Exception)


def _refuses(request: httpx.Request) -> httpx.Response:
    return httpx.Response(415)


def test_who_is_stopped_before_the_grant_is_answered_aborts_it_too() -> None:
    """Under the key of the first call the second one learns what was granted."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if len(asked) == 1:
            raise KeyboardInterrupt
        return httpx.Response(200, json=SilentStore(4, 1, "http://store.test").grant())

    transport = httpx.MockTransport(answer)
    with (
        Client("http://service.test", "a-key", transport=transport) as client,
        pytest.raises(KeyboardInterrupt),
    ):
        client.upload(b"abcd", name="a.txt", method="multipart")
    assert [one.method for one in asked] == ["POST", "POST", "DELETE"]
    assert asked[0].headers["Idempotency-Key"] == asked[1].headers["Idempotency-Key"]
    assert asked[2].url.path == "/api/v1/uploads/upl_a"


def test_a_refused_part_does_not_wait_for_one_that_is_never_answered() -> None:
    silent, over, answered = threading.Event(), threading.Event(), threading.Event()
    first = threading.Lock()

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method != "PUT":
            return httpx.Response(200, json=SilentStore(2, 2, "http://store.test").grant())
        if first.acquire(blocking=False):
            silent.wait(LONG)
            return httpx.Response(415)
        silent.set()
        over.wait(LONG)
        answered.set()
        return httpx.Response(200)

    with Client("http://service.test", "a-key", transport=httpx.MockTransport(answer)) as client:
        with pytest.raises(UploadsError) as refused:
            client.upload(b"abcd", name="a.txt", method="multipart")
        assert refused.value.status == 415
        assert not answered.is_set()
    over.set()
