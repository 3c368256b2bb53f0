"""Who stops the sending of many files leaves nothing behind, and hears of what is there already."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from tests.support.batch_service import BatchService
from tests.support.silent_store import silent_store
from tests.support.waiting import eventually
from uploads_client import Client, File, Retries, Sending
from uploads_client.desk import Desk
from uploads_client.files import Item

LONG = 30
KIB = 1024


def texts(count: int) -> list[File]:
    return [File(f"content {n}".encode(), f"{n}.txt") for n in range(count)]


class Silent:
    """A service whose store never answers for the uploads named, until it is over."""

    def __init__(self, *uploads: str) -> None:
        self.over, self.reached = threading.Event(), list[str]()
        self._uploads = uploads
        self.service = BatchService(self._meddle)

    def _meddle(self, request: httpx.Request) -> httpx.Response | None:
        upload = request.url.path.strip("/")
        if request.method == "PUT" and upload in self._uploads:
            self.reached.append(upload)
            self.over.wait(LONG)
            raise httpx.ReadError("broken")
        return None


@pytest.mark.parametrize("how", ["closed", "dropped", "interrupted"])
def test_who_stops_gives_back_what_was_granted(how: str) -> None:
    """What became a document before that is told; what hangs in the store is not waited for."""
    silent = Silent("upl_2", "upl_3")
    service = silent.service
    with service.client() as client:
        sending = client.upload_all(texts(4))
        first = [next(sending).place, next(sending).place]
        eventually(lambda: len(silent.reached) == 2, LONG)
        assert sorted(first) == [0, 1]
        if how == "closed":
            sending.close()
        elif how == "dropped":
            del sending
            gc.collect()
        else:
            sending = interrupted(sending)
        assert sorted(service.aborted) == ["upl_2", "upl_3"]
        if how != "dropped":
            assert [one.place for one in sending.ended] == [0, 1]
            assert list(sending) == []
        silent.over.set()


def test_what_a_form_becomes_in_the_moment_of_the_stop_is_told() -> None:
    """Its bytes are there, and who stops cannot take that back: only the answer is to come."""
    asked, stopped = threading.Event(), threading.Event()

    def late(request: httpx.Request) -> httpx.Response | None:
        found = service.usual(request)
        asked.set()
        stopped.wait(LONG)
        return found

    service = BatchService(late)
    with service.client(stream_up_to=KIB) as client:
        sending = client.upload_all(texts(3), at_once=1)
        assert asked.wait(LONG)
        threading.Timer(0.05, stopped.set).start()
        sending.close()
    assert [one.document is not None for one in sending.ended] == [True] * 3


def test_a_form_that_was_not_sent_whole_comes_to_nothing() -> None:
    begun, stopped, whole = threading.Event(), threading.Event(), list[httpx.Request]()

    class Slow(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            assert isinstance(request.stream, httpx.SyncByteStream)
            for _ in request.stream:
                begun.set()
                stopped.wait(LONG)
            whole.append(request)
            return httpx.Response(500)

    with Client("http://service.test", "a-key", transport=Slow()) as client:
        sending = client.upload_all([File(bytes(200 * KIB), f"{n}.txt") for n in range(3)])
        assert begun.wait(LONG)
        threading.Timer(0.05, stopped.set).start()
        sending.close()
    assert (whole, sending.ended) == ([], [])


def test_forms_are_waited_for_a_little_longer() -> None:
    desk = Desk([], [Item(0, File(b"x", "a.txt"), None)], [], 1)
    duty, done = desk.next(), threading.Event()
    assert duty is not None

    def answered() -> None:
        done.set()
        desk.done(duty)

    threading.Timer(0.05, answered).start()
    desk.end(0, LONG)
    assert done.is_set()


def interrupted(sending: Sending) -> Sending:
    """The same after Ctrl-C while it waited for the next."""
    main = threading.main_thread().ident
    assert main is not None
    # What a shell starts behind `&` ignores it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        threading.Timer(0.05, signal.pthread_kill, (main, signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            next(sending)
    finally:
        signal.signal(signal.SIGINT, before)
    return sending


def test_one_slow_file_does_not_keep_the_others_from_their_end() -> None:
    silent = Silent("upl_0")
    with silent.service.client() as client, client.upload_all(texts(8)) as sending:
        assert sorted(next(sending).place for _ in range(7)) == list(range(1, 8))
        silent.over.set()
        assert next(sending).place == 0


def test_what_a_broken_call_granted_is_given_back() -> None:
    """It was done and its answer lost: the same call, under its key, tells what there is."""
    asked = threading.Event()

    def lost(request: httpx.Request) -> httpx.Response | None:
        if request.url.path.endswith("/upload-batches") and not asked.is_set():
            service.usual(request)
            asked.set()
            raise httpx.ReadError("broken")
        return None

    service = BatchService(lost)
    with service.client(retries=Retries(first=600)) as client:
        with client.upload_all(texts(3)) as sending:
            assert asked.wait(LONG)
            # The pause before another try begins when the first has failed.
            eventually(lambda: bool(service.granted), LONG)
        assert sending.ended == []
    keys = [one.headers.get("Idempotency-Key") for one in service.asked[:2]]
    assert keys[0] == keys[1]
    assert sorted(service.aborted) == ["upl_0", "upl_1", "upl_2"]


def test_what_a_callback_raises_ends_it() -> None:
    def stop(sent: int, total: int | None) -> None:
        raise ZeroDivisionError

    service = BatchService()
    with service.client() as client, pytest.raises(ZeroDivisionError):
        list(client.upload_all(texts(6), progress=stop))
    assert sorted(service.aborted) == sorted(service.granted)


def test_a_program_that_ends_in_the_middle_gives_back_what_was_granted(tmp_path: Path) -> None:
    """Without `with`, and with threads that hang in a silent store."""
    program = (
        "import sys, time; from uploads_client import Client, File\n"
        "client = Client(sys.argv[1], 'a-key', stream_up_to=1)\n"
        "sending = client.upload_all([File(bytes(2048), 'a.txt')])\n"
        "sys.stdin.readline()\n"
    )
    with silent_store(2 * KIB, 1) as store:
        process = subprocess.Popen(
            [sys.executable, "-c", program, store.url], stdin=subprocess.PIPE
        )
        try:
            eventually(lambda: store.read == [2 * KIB], LONG)
            process.communicate(b"\n", timeout=LONG)
        finally:
            process.kill()
        assert process.returncode == 0
        assert store.aborted == ["/api/v1/uploads/upl_a"]


def test_ctrl_c_ends_the_command_and_tells_what_is_there(tmp_path: Path) -> None:
    """All wait for a store that is silent."""
    for n in range(3):
        (tmp_path / f"{n}.txt").write_bytes(bytes(300 * KIB))
    with silent_store(300 * KIB, 1) as store:
        process = subprocess.Popen(
            ["env", "--default-signal=INT", sys.executable, "-m", "uploads_client", "upload"]
            + [str(tmp_path / f"{n}.txt") for n in range(3)],
            env={**os.environ, "UPLOADS_URL": store.url, "UPLOADS_KEY": "a-key"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            eventually(lambda: store.read == [300 * KIB] * 3, LONG)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=LONG)
        finally:
            process.kill()
        assert process.returncode == 130, out + err
        assert out.count(b"not-done") == 3
        assert b"Traceback" not in out + err
        assert store.aborted == ["/api/v1/uploads/upl_a"] * 3
