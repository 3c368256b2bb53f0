"""Uploads through nginx: whole, refused in words, and unharmed when nginx is told to reload."""

from __future__ import annotations

import hashlib
import json
import signal
import struct
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import plain, raw, samples
from tests.support.invariants import invariants
from tests.support.nginx import APP, Nginx
from tests.support.people import PATIENCE, Person
from tests.support.raw import FORM_TYPE, form
from tests.support.stack import Stack
from tests.support.waiting import eventually

# Nothing of this has to do with the database: once is enough.
pytestmark = pytest.mark.one_database

MIB = 1024 * 1024
FILE = b'form-data; name="file"; filename='


@pytest.fixture
def second(nginx: Nginx) -> Iterator[Nginx]:
    """An nginx of its own before the same service, to be signalled."""
    server = nginx.twin()
    yield server.start()
    server.close()


def curl(nginx: Nginx, *words: str) -> subprocess.CompletedProcess[str]:
    names = ("--resolve", f"{APP}:{nginx.port}:127.0.0.1", "--cacert", f"{nginx.folder}/tls.crt")
    return subprocess.run(
        ["curl", "-sS", *names, *words], capture_output=True, text=True, timeout=120
    )


def test_a_raw_upload_by_curl_comes_back_byte_for_byte(
    nginx: Nginx, carol: Person, tmp_path: Path
) -> None:
    """Larger than any buffer, inspected, clean, and the same bytes again."""
    frames = bytes(range(256)) * (20 * MIB // 256)
    content = samples.iso_media(b"isom") + struct.pack(">I4s", len(frames) + 8, b"mdat") + frames
    film = tmp_path / "film.mp4"
    film.write_bytes(content)
    sent = curl(
        *(nginx, "--data-binary", f"@{film}", "-H", f"Authorization: Bearer {carol.key}"),
        *("-H", "Content-Type: video/mp4", f"{nginx.app_url}/api/v1/documents?name=film.mp4"),
    )
    assert sent.returncode == 0, sent.stderr
    found = carol.settle(json.loads(sent.stdout)["id"])
    assert found["state"] == "clean", found
    assert found["sha256"] == hashlib.sha256(content).hexdigest()
    assert carol.content(found["id"]) == content


def test_forms_and_chunked_bodies_come_through(carol: Person) -> None:
    """Whatever frames the body, the same bytes arrive."""
    picture = samples.png()
    by_form = carol.upload("a.png", picture)
    pieces = iter([picture[:100], picture[100:1000], picture[1000:]])
    chunked = carol.api.post("/documents", params={"name": "b.png"}, content=pieces)
    assert chunked.status_code == 202, chunked.text
    for document_id in (by_form, chunked.json()["id"]):
        assert carol.settle(document_id)["state"] == "clean"
        assert carol.content(document_id) == picture


def test_a_form_without_script_takes_several_files(carol: Person) -> None:
    """Together larger than one file may be: the form's own limit is the wider one."""
    film = samples.iso_media(b"isom")[:80] + bytes(60 * MIB)
    with carol.browser() as browser:
        token = browser.token("/documents")
        files = [("files", (name, film, "video/mp4")) for name in ("a.mp4", "b.mp4")]
        answer = browser.post("/documents", data={"csrf_token": token}, files=files)
        page = browser.get(answer.headers["Location"])
    assert answer.status_code == 303
    assert page.text.count("It has arrived") == 2


@pytest.mark.parametrize("chunked", [False, True])
def test_an_early_refusal_is_read_in_the_middle_of_an_upload(
    nginx: Nginx, carol: Person, tmp_path: Path, chunked: bool
) -> None:
    """90 MiB of the wrong type by curl: the app's own sentence arrives, and no reset."""
    wrong = tmp_path / "holiday.jpg"
    wrong.write_bytes(samples.zip_file())
    with wrong.open("r+b") as file:
        file.truncate(90 * MIB)
    coding = ("-H", "Transfer-Encoding: chunked") if chunked else ()
    sent = curl(
        *(nginx, "-F", f"file=@{wrong}", "-H", f"Authorization: Bearer {carol.key}", *coding),
        *("-H", "Expect:", "-w", "%{stderr}%{http_code}", f"{nginx.app_url}/api/v1/documents"),
    )
    assert (sent.returncode, sent.stderr) == (0, "415")
    assert json.loads(sent.stdout)["code"] == "type-mismatch"


def test_a_refusal_does_not_wait_for_the_rest(nginx: Nginx, carol: Person) -> None:
    """The first bytes reach the app while the others are still to come: nothing is collected."""
    headers = {
        "Host": APP,
        "Authorization": f"Bearer {carol.key}",
        "Content-Type": "image/jpeg",
        "Content-Length": str(90 * MIB),
    }
    start = raw.head("POST", "/api/v1/documents?name=a.jpg", headers)
    answer = nginx.exchange(start, samples.zip_file() + bytes(MIB))
    assert (answer.status, answer.code) == (415, "type-mismatch")


@pytest.mark.parametrize("chunked", [False, True])
def test_a_file_just_past_the_limit_hears_it_from_the_app(carol: Person, chunked: bool) -> None:
    """nginx leaves room for the sentence that names the limit."""
    size = 100 * MIB + 1
    start = samples.iso_media(b"isom")[:80]
    body = iter([start, *[bytes(MIB)] * 99, bytes(size - 99 * MIB - 80)])
    headers = {} if chunked else {"Content-Length": str(size)}
    answer = carol.api.post("/documents", params={"name": "a.mp4"}, content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "file-too-large")
    assert answer.json()["limit"] == 100 * MIB


def test_an_endless_chunked_body_ends_at_the_limit(nginx: Nginx, carol: Person) -> None:
    """Without a length the app counts, and the answer is read while more is being sent."""
    answer = carol.api.post(
        "/documents", params={"name": "a.mp4"}, content=(bytes(MIB) for _ in range(300))
    )
    assert answer.status_code in {413, 415}, answer.text
    assert not [one for one in (nginx.folder / "temp").rglob("*") if one.is_file()]


# --- in the middle of an upload ---


class Slowly:
    """An upload that stands still in its middle until it is told to go on."""

    def __init__(self, nginx: Nginx, person: Person) -> None:
        self._half, self._rest = threading.Event(), threading.Event()
        self._nginx, self._person = nginx, person
        self.answer: raw.Answer | None = None
        self._thread = threading.Thread(target=self._send)
        self._thread.start()
        assert self._half.wait(60)

    def finish(self) -> raw.Answer | None:
        self._rest.set()
        self._thread.join(60)
        return self.answer

    def _send(self) -> None:
        body = form((FILE + b'"a.txt"', b"some text\n" * (MIB // 2)))
        headers = {
            "Host": APP,
            "Authorization": f"Bearer {self._person.key}",
            "Content-Type": FORM_TYPE,
            "Content-Length": str(len(body)),
        }

        def pieces() -> Iterator[bytes]:
            yield raw.head("POST", "/api/v1/documents", headers)
            yield body[: len(body) // 2]
            self._half.set()
            self._rest.wait(60)
            yield body[len(body) // 2 :]

        try:
            with self._nginx.connect() as connection:
                self.answer = raw.exchange_on(connection, pieces())
        except OSError:
            self.answer = None


def test_a_reload_lets_uploads_finish(second: Nginx, carol: Person) -> None:
    """SIGHUP: new workers take over, and the old one ends what it has begun."""
    upload = Slowly(second, carol)
    second.reload()
    with second.client() as client:
        assert client.get("/sign-in").status_code == 200
    answer = upload.finish()
    assert answer is not None
    assert answer.status == 202, answer.body
    assert carol.settle(answer.json["id"])["state"] == "clean"


def test_a_graceful_stop_lets_uploads_finish(second: Nginx, carol: Person) -> None:
    """SIGQUIT: nobody new is let in, and who is in the middle is served to the end."""
    upload = Slowly(second, carol)
    second.signal(signal.SIGQUIT)

    def closed() -> bool:
        try:
            second.connect().close()
        except ConnectionRefusedError:
            return True
        return False

    eventually(closed, PATIENCE)
    answer = upload.finish()
    assert answer is not None
    assert answer.status == 202, answer.body
    assert second.wait() == 0
    assert carol.settle(answer.json["id"])["state"] == "clean"


def test_a_fast_stop_leaves_nothing_half_done(second: Nginx, proxied: Stack, carol: Person) -> None:
    """SIGTERM cuts the upload off: no answer, no document, nothing that is left over."""
    known = {one["id"] for one in carol.documents()}
    upload = Slowly(second, carol)
    second.signal(signal.SIGTERM)
    assert second.wait() == 0
    assert upload.finish() is None
    invariants(proxied, carol)
    assert {one["id"] for one in carol.documents()} <= known
    assert plain.get(f"http://127.0.0.1:{proxied.port}/readyz").status_code == 200
